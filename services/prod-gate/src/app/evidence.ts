/**
 * Everything that an auditor needs to check one delivery offline: the signed bytes as they are kept, the files that decided,
 * and the ledger's entries with their proofs. Whoever reads it brings keys of their own; nothing in it is to be trusted.
 */
import { createHash } from 'node:crypto';
import { parseLedgerEntry, LedgerEntryType } from '@airlock/common/ledger/entry';
import { buildInclusionProof } from '@airlock/common/ledger/proof';
import { formatTlogProof } from '@airlock/common/ledger/tlog-proof';
import { parsePromotionDocument } from '@airlock/common/promotion/document';
import { enrolmentDigest } from '../domain/passkey.ts';
import type { Promotion } from '../domain/promotion.ts';
import type {
  Approval,
  ApprovalStore,
  CheckpointRow,
  Delivery,
  LedgerReader,
  LedgerRow,
  Passkey,
  PasskeyStore,
  PromotionStore,
} from './ports.ts';

export type EvidenceSources = {
  readonly promotions: Pick<PromotionStore, 'evidence'>;
  readonly approvals: Pick<ApprovalStore, 'of'>;
  readonly passkeys: Pick<PasskeyStore, 'findMany'>;
  readonly ledger: LedgerReader;
  /** The bytes of the target file and the roster as they are now; null for one that is not there. */
  readonly policyFiles: (
    target: string,
  ) => Promise<{ policy: Buffer | null; roster: Buffer | null }>;
};

/** What the archive tells besides the signed bytes, in the words of the API. */
export type EvidenceRecords = { readonly delivery: unknown; readonly leases: unknown };

/**
 * The files of the archive by name; null while the ledger has not published the end of the delivery, which it does within
 * a second.
 */
export async function collectEvidence(
  sources: EvidenceSources,
  given: {
    readonly promotion: Promotion;
    readonly delivery: Delivery;
    readonly records: EvidenceRecords;
  },
): Promise<ReadonlyMap<string, Buffer> | null> {
  const { promotion, delivery, records } = given;
  const [kept, approvals, checkpoint, now] = await Promise.all([
    sources.promotions.evidence(promotion.id),
    sources.approvals.of(promotion.id),
    sources.ledger.checkpoint(),
    sources.policyFiles(promotion.target),
  ]);
  if (kept === null || checkpoint === null) return null;
  const signed = approvals.filter(
    ({ decision, promotionDigest }) =>
      decision === 'approve' && promotionDigest === promotion.promotionDigest,
  );
  const passkeys = await sources.passkeys.findMany(
    signed.flatMap((approval) => (approval.signed === null ? [] : [approval.signed.credentialId])),
  );
  const entries = await entriesOf(sources.ledger, checkpoint, promotion, passkeys);
  const isComplete = entries.some(({ body }) => {
    const { type, refs } = parseLedgerEntry(body);
    return type === 'delivery.finished' && refs['delivery'] === delivery.id;
  });
  if (!isComplete) return null;

  const document = parsePromotionDocument(kept.document);
  const files = new Map<string, Buffer>();
  const asApproved = (bytes: Buffer | null, digest: string): bytes is Buffer =>
    bytes !== null && sha256(bytes) === digest;
  files.set('promotion.json', kept.document);
  files.set('bundle.intoto.jsonl', kept.bundle);
  files.set('approvals.json', json(approvalsOf(promotion, signed, passkeys)));
  files.set('delivery.json', json(records.delivery));
  files.set('leases.json', json(records.leases));
  if (asApproved(now.policy, document.policy)) files.set('policy.yaml', now.policy);
  if (asApproved(now.roster, document.roster)) files.set('roster.yaml', now.roster);
  files.set(
    'ledger/entries.ndjson',
    Buffer.from(
      entries
        .map(({ index, body }) => `${JSON.stringify({ index, body: body.toString('base64') })}\n`)
        .join(''),
    ),
  );
  files.set('ledger/checkpoint', Buffer.from(checkpoint.note));
  for (const { index } of entries) {
    files.set(
      `ledger/proofs/${index}.tlog-proof`,
      await proofOf(sources.ledger, checkpoint, index),
    );
  }
  const missing = [
    ...(files.has('policy.yaml') ? [] : [`policy.yaml with SHA-256 ${document.policy}`]),
    ...(files.has('roster.yaml') ? [] : [`roster.yaml with SHA-256 ${document.roster}`]),
  ];
  files.set('README.txt', Buffer.from(readme(promotion, missing)));
  const manifest = [...files].map(([name, content]) => `${sha256(content)}  ${name}\n`).sort();
  files.set('MANIFEST.sha256', Buffer.from(manifest.join('')));
  return files;
}

async function entriesOf(
  ledger: LedgerReader,
  checkpoint: CheckpointRow,
  promotion: Promotion,
  passkeys: readonly Passkey[],
): Promise<LedgerRow[]> {
  const found = await Promise.all([
    ledger.bySubject('bundle.admitted', promotion.bundleDigest),
    ...passkeys.map((passkey) => ledger.bySubject('passkey.enrolled', enrolmentDigest(passkey))),
    ...LedgerEntryType.options.map((type) => ledger.bySubject(type, promotion.promotionDigest)),
  ]);
  const byIndex = new Map(found.flat().map((row) => [row.index, row]));
  // What no checkpoint covers yet cannot be proven.
  return [...byIndex.values()]
    .filter(({ index }) => index < checkpoint.size)
    .sort((a, b) => a.index - b.index);
}

async function proofOf(
  ledger: LedgerReader,
  checkpoint: CheckpointRow,
  index: number,
): Promise<Buffer> {
  const hashes = await buildInclusionProof(
    ({ level, n }) => ledger.tile(level, n),
    index,
    checkpoint.size,
  );
  return Buffer.from(formatTlogProof({ index, hashes, checkpoint: checkpoint.note }));
}

function approvalsOf(
  promotion: Promotion,
  approvals: readonly Approval[],
  passkeys: readonly Passkey[],
): unknown {
  return {
    approvals: approvals.flatMap(({ signed, createdAt }) =>
      signed === null
        ? []
        : [
            {
              evidence: {
                statement: signed.statement.toString('base64'),
                credentialId: signed.credentialId,
                authenticatorData: signed.authenticatorData,
                clientDataJSON: signed.clientDataJson,
                signature: signed.signature,
              },
              signCountBefore: signed.signCountBefore,
              createdAt: createdAt.toISOString(),
            },
          ],
    ),
    passkeys: passkeys.map(({ credentialId, person, publicKeyPem, rpId, origin }) => ({
      credentialId,
      person,
      publicKeyPem,
      rpId,
      origin,
    })),
    emails: promotion.delta.emails,
  };
}

function readme(promotion: Promotion, missing: readonly string[]): string {
  const { id, release, target } = promotion;
  return [
    `Evidence of promotion ${id}: ${JSON.stringify(release)} to ${target}.`,
    '',
    'Check it offline, with keys that you got by another way than this archive:',
    '  airlock verify THIS.tar --pinned pinned.json',
    '  pinned.json: {"version": 1, "signers": [rows of trust.json], "ledger": "the line of ledger.vkey"}',
    '',
    'promotion.json        the canonical document whose SHA-256 the approvers signed',
    'bundle.intoto.jsonl   DSSE envelopes of non-prod: provenance, test result, request',
    'approvals.json        statements and passkey signatures verbatim, public keys, authors',
    'policy.yaml           the target file, roster.yaml the people and their roles, as approved',
    'delivery.json         what the gate says of the delivery; leases.json of its credentials',
    'ledger/               entries (base64 with index), an inclusion proof each, the signed checkpoint',
    'MANIFEST.sha256       SHA-256 of every file: sha256sum -c MANIFEST.sha256',
    ...(missing.length === 0
      ? []
      : [
          '',
          'Changed at the gate since it was approved, and therefore not in here. Take that version out of',
          "the gate's configuration history and put it beside these files:",
          ...missing.map((name) => `  ${name}`),
        ]),
    '',
  ].join('\n');
}

const json = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
