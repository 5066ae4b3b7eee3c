/**
 * The files of an evidence archive: what the gate writes and `airlock verify` reads. None of them is believed because it is
 * in the archive; everything in it is held against a signature, a digest that was signed, or the ledger.
 */
import { z } from 'zod';
import { ApprovalEvidence } from '../approval/verify-approvals.ts';
import { Name } from '../wire/scalars.ts';

/** Files that every archive has; one `ledger/proofs/<index>.tlog-proof` an entry comes to them. */
export const evidenceFiles = [
  'README.txt',
  'MANIFEST.sha256',
  'promotion.json',
  'changes.json',
  'bundle.intoto.jsonl',
  'commit',
  'rebuilds.intoto.jsonl',
  'artifact.json',
  'approvals.json',
  'checks.json',
  'policy.yaml',
  'roster.yaml',
  'trust.json',
  'manifest.dsse.json',
  'vsa.dsse.json',
  'delivery.dsse.json',
  'delivery.json',
  'leases.json',
  'log.txt',
  'ledger/entries.ndjson',
  'ledger/checkpoint',
] as const;
export type EvidenceFile = (typeof evidenceFiles)[number];

export const proofFile = (index: number): string => `ledger/proofs/${index}.tlog-proof`;

/** Largest archive that is read, in bytes: a bundle and a log of 10,000 lines stay far below it. */
export const maxEvidenceBytes = 64 * 1024 * 1024;

/** Log lines that a delivery statement covers at most, from the first on. */
export const maxEvidenceLogLines = 10_000;

/** `approvals.json`: what passkeys signed, verbatim, and the passkeys. */
export const EvidenceApprovals = z.strictObject({
  approvals: z.array(
    z.strictObject({
      evidence: ApprovalEvidence,
      signCountBefore: z.number().int().nonnegative(),
    }),
  ),
  passkeys: z.array(
    z.strictObject({
      credentialId: z.string(),
      person: Name,
      publicKeyPem: z.string(),
      rpId: z.string(),
      origin: z.string(),
    }),
  ),
});
export type EvidenceApprovals = z.infer<typeof EvidenceApprovals>;

/** One line of `ledger/entries.ndjson`: an entry of the ledger, base64. */
export const EvidenceEntry = z.strictObject({
  index: z.number().int().nonnegative(),
  body: z.base64(),
});

/** Of `changes.json`, what decides: whose changes they are, and what rules ask. Its digest stands in the promotion document. */
export const EvidenceChanges = z.looseObject({
  base: z.looseObject({}).nullable(),
  commitCount: z.number().int().nonnegative(),
  emails: z.array(z.string()),
  fileCount: z.number().int().nonnegative(),
  files: z.array(z.looseObject({ path: z.string() })),
  details: z
    .looseObject({
      dependencies: z.looseObject({
        added: z.number().int().nonnegative(),
        unread: z.array(z.unknown()),
      }),
      migrations: z.looseObject({ count: z.number().int().nonnegative() }),
    })
    .optional(),
});
