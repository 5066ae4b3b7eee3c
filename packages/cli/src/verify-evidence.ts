/**
 * `airlock verify`: checks the evidence of one delivery offline, against keys that the auditor got by another way. A key that
 * only the archive brings proves nothing and is never trusted.
 */
import { createHash } from 'node:crypto';
import { ApprovalEvidence, judgeApprovals } from '@airlock/common/approval/verify-approvals';
import { parseLedgerEntry, type LedgerEntry } from '@airlock/common/ledger/entry';
import { parseVkey, type NoteVerifier } from '@airlock/common/ledger/note';
import { verifyTlogProof } from '@airlock/common/ledger/tlog-proof';
import { admissionPolicyOf } from '@airlock/common/policy/admission-policy';
import { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import {
  parsePromotionDocument,
  promotionDigest,
  type PromotionDocument,
} from '@airlock/common/promotion/document';
import { importTrust, requireWholeTrust, TrustRow } from '@airlock/common/trust/signer';
import { verifyPromotionBundle } from '@airlock/common/verify/verify-promotion-bundle';
import { parse } from 'yaml';
import { z } from 'zod';
import { CliError, exitCode } from './exit-codes.ts';
import { readTar } from './tar.ts';

/** What the auditor pins: the signers' rows and the ledger's verifier key. */
export const PinnedKeys = z.strictObject({
  version: z.literal(1),
  signers: z.array(TrustRow),
  ledger: z.string(),
});
export type PinnedKeys = z.infer<typeof PinnedKeys>;

export const EvidenceApprovals = z.strictObject({
  approvals: z.array(
    z.strictObject({
      evidence: ApprovalEvidence,
      signCountBefore: z.number().int().nonnegative(),
      createdAt: z.string(),
    }),
  ),
  passkeys: z.array(
    z.strictObject({
      credentialId: z.string(),
      person: z.string(),
      publicKeyPem: z.string(),
      rpId: z.string(),
      origin: z.string(),
    }),
  ),
  /** Addresses of everybody who wrote or committed a change of the delta. */
  emails: z.array(z.string()),
});
export type EvidenceApprovals = z.infer<typeof EvidenceApprovals>;

const Delivery = z.looseObject({
  id: z.string(),
  state: z.string(),
  finishedAt: z.string().nullable(),
});
const Leases = z.array(
  z.looseObject({
    id: z.string(),
    state: z.string(),
    issuedAt: z.string().nullable(),
    revokedAt: z.string().nullable(),
  }),
);

export interface EvidenceReport {
  readonly whole: boolean;
  readonly lines: readonly string[];
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Never throws for what an archive can hold: every fault is a line that begins with ✗, and `whole` is then false. */
export function verifyEvidence(archive: Buffer, pinned: PinnedKeys): EvidenceReport {
  const lines: string[] = [];
  const faults: unknown[] = [];
  const check = (work: () => string): void => {
    try {
      lines.push(`✓ ${work()}`);
    } catch (error) {
      faults.push(error);
      lines.push(`✗ ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  let files: Map<string, Buffer>;
  try {
    files = readTar(archive);
  } catch (error) {
    return {
      whole: false,
      lines: [
        `✗ ${error instanceof Error ? error.message : String(error)}`,
        'VERDICT: altered or incomplete',
      ],
    };
  }
  const file = (path: string): Buffer => {
    const content = files.get(path);
    if (content === undefined) throw new CliError(exitCode.failedCheck, `${path} is missing`);
    return content;
  };
  const json = (path: string): unknown => JSON.parse(file(path).toString('utf8')) as unknown;
  const document = (): PromotionDocument => parsePromotionDocument(file('promotion.json'));

  check(() => manifest(files));
  check(() => {
    const trust = requireWholeTrust(importTrust(pinned.signers));
    const policy = TargetPolicy.parse(
      parse(file('policy.yaml').toString('utf8'), { maxAliasCount: 0 }),
    );
    const wanted = document();
    if (sha256(file('policy.yaml')) !== wanted.policy)
      throw new Error('policy.yaml is not the policy that was approved');
    const result = verifyPromotionBundle({
      bundle: file('bundle.intoto.jsonl'),
      artifact: { sha256: wanted.artifact },
      target: wanted.target,
      policies: new Map([[policy.target, admissionPolicyOf(policy)]]),
      trust,
      now: entryTime(files, pinned, 'bundle.admitted'),
    });
    if (!result.ok) throw new Error(`bundle: ${result.code}: ${result.detail}`);
    if (result.bundle.bundleDigest !== wanted.bundle || result.bundle.commit !== wanted.commit) {
      throw new Error('the bundle is not the one that was approved');
    }
    return `bundle signed by pinned keys; ${wanted.subject} sha256:${wanted.artifact.slice(0, 12)}… built from ${wanted.commit.slice(0, 12)} by ${result.bundle.builderId}`;
  });
  check(() => approvalsLine(files, file, json, document(), pinned));
  check(() => {
    const entries = provenEntries(files, pinned);
    const delivery = Delivery.parse(json('delivery.json'));
    const finished = entries.find(
      ({ type, refs }) => type === 'delivery.finished' && refs['delivery'] === delivery.id,
    );
    if (finished === undefined) throw new Error('the ledger has no end of this delivery');
    if (finished.refs['state'] !== delivery.state) {
      throw new Error(
        `delivery.json says ${delivery.state}, the ledger says ${finished.refs['state'] ?? 'nothing'}`,
      );
    }
    return `${entries.length} entries are included in the ledger whose key is pinned; the delivery ended ${delivery.state}`;
  });
  check(() => {
    const entries = provenEntries(files, pinned);
    const leases = Leases.parse(json('leases.json')).filter(({ issuedAt }) => issuedAt !== null);
    for (const { id, revokedAt } of leases) {
      const revoked = entries.some(
        ({ type, refs }) => type === 'credential.revoked' && refs['session'] === id,
      );
      if (revokedAt === null || !revoked)
        throw new Error(`credential of session ${id} has no proven end`);
    }
    const lived = leases.map(
      ({ issuedAt, revokedAt }) =>
        (Date.parse(revokedAt ?? '') - Date.parse(issuedAt ?? '')) / 1000,
    );
    return `${leases.length} credentials issued, ${leases.length} revoked, longest ${Math.max(0, ...lived).toFixed(1)} s`;
  });
  const whole = faults.length === 0;
  lines.push(
    'Not checked: that the commit was on main (the gate says so; its mirror is not in here), that the approvers understood what they signed, that Vault really revoked (its own audit log says)',
    `VERDICT: ${whole ? 'complete and unaltered' : 'altered or incomplete'}`,
  );
  return { whole, lines };
}

function manifest(files: ReadonlyMap<string, Buffer>): string {
  const listed = new Map(
    (files.get('MANIFEST.sha256')?.toString('utf8') ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [line.slice(66), line.slice(0, 64)]),
  );
  for (const [path, content] of files) {
    if (path !== 'MANIFEST.sha256' && listed.get(path) !== sha256(content))
      throw new Error(`${path} differs from MANIFEST.sha256`);
  }
  for (const path of listed.keys()) if (!files.has(path)) throw new Error(`${path} is missing`);
  return `${listed.size} files match MANIFEST.sha256`;
}

/** Entries whose inclusion under a checkpoint of the pinned ledger is proven; the others are refused as a whole. */
function provenEntries(files: ReadonlyMap<string, Buffer>, pinned: PinnedKeys): LedgerEntry[] {
  const verifier: NoteVerifier = parseVkey(pinned.ledger);
  const rows = (files.get('ledger/entries.ndjson')?.toString('utf8') ?? '')
    .split('\n')
    .filter((line) => line !== '');
  return rows.map((row) => {
    const { index, body } = z
      .strictObject({ index: z.number(), body: z.base64() })
      .parse(JSON.parse(row));
    const bytes = Buffer.from(body, 'base64');
    const proof = files.get(`ledger/proofs/${index}.tlog-proof`);
    if (proof === undefined) throw new Error(`ledger entry ${index} has no proof`);
    const proven = verifyTlogProof(proof, bytes, verifier);
    if (proven.index !== index)
      throw new Error(`the proof of ledger entry ${index} is for ${proven.index}`);
    return parseLedgerEntry(bytes);
  });
}

function entryTime(
  files: ReadonlyMap<string, Buffer>,
  pinned: PinnedKeys,
  type: LedgerEntry['type'],
): Date {
  const entry = provenEntries(files, pinned).find((each) => each.type === type);
  if (entry === undefined) throw new Error(`the ledger entry ${type} is missing`);
  return new Date(entry.at);
}

function approvalsLine(
  files: ReadonlyMap<string, Buffer>,
  file: (path: string) => Buffer,
  json: (path: string) => unknown,
  document: PromotionDocument,
  pinned: PinnedKeys,
): string {
  const policy = TargetPolicy.parse(
    parse(file('policy.yaml').toString('utf8'), { maxAliasCount: 0 }),
  );
  const roster = Roster.parse(parse(file('roster.yaml').toString('utf8'), { maxAliasCount: 0 }));
  if (sha256(file('roster.yaml')) !== document.roster)
    throw new Error('roster.yaml is not the roster that was approved');
  const { approvals, passkeys, emails } = EvidenceApprovals.parse(json('approvals.json'));
  const entries = provenEntries(files, pinned);
  for (const passkey of passkeys) {
    const { person, credentialId, publicKeyPem, rpId, origin } = passkey;
    const record = sha256(
      Buffer.from(JSON.stringify({ v: 1, person, credentialId, publicKeyPem, rpId, origin })),
    );
    if (
      !entries.some(
        ({ type, subjectDigest }) => type === 'passkey.enrolled' && subjectDigest === record,
      )
    ) {
      throw new Error(`the passkey of ${person} was never enrolled in this ledger`);
    }
    const listed = roster.people.find(({ id }) => id === person)?.passkeys;
    if (listed !== undefined && !listed.includes(record))
      throw new Error(`the passkey of ${person} is not one that roster.yaml lists`);
  }
  const [rule] = policy.approvals.rules;
  if (rule === undefined) throw new Error('policy.yaml has no approval rule');
  const requester = roster.people.find(
    ({ id, nameId }) => nameId === document.requester || id === document.requester,
  );
  const authors = roster.people
    .filter(({ gitEmails }) => gitEmails.some((email) => emails.includes(email)))
    .map(({ id }) => id);
  const counting = new Set<string>();
  for (const { evidence, signCountBefore, createdAt } of approvals) {
    const passkey = passkeys.find(({ credentialId }) => credentialId === evidence.credentialId);
    if (passkey === undefined)
      throw new Error('an approval names a passkey that is not in the archive');
    const judged = judgeApprovals({
      approvals: [evidence],
      credentials: [
        {
          id: passkey.credentialId,
          approver: passkey.person,
          publicKeyPem: passkey.publicKeyPem,
          rpId: passkey.rpId,
          origins: [passkey.origin],
          signCount: signCountBefore,
          roles: roster.people.find(({ id }) => id === passkey.person)?.roles ?? [],
          revokedAt: null,
        },
      ],
      promotion: promotionDigest(file('promotion.json')),
      target: document.target,
      role: rule.role,
      need: 1,
      requester: requester?.id ?? document.requester,
      authors,
      usedNonces: new Set(),
      now: new Date(createdAt),
    });
    const [fault] = judged.discounted;
    if (fault !== undefined)
      throw new Error(`approval of ${passkey.person}: ${fault.code}: ${fault.detail}`);
    counting.add(passkey.person);
  }
  if (counting.size < rule.count) throw new Error(`${counting.size} of ${rule.count} approvals`);
  return `approvals ${counting.size} of ${rule.count}: ${[...counting].join(', ')}; none of them asked for it, wrote it or committed it`;
}
