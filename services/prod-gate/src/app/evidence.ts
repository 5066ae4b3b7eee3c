/**
 * Everything that an auditor needs to check one delivery offline: the signed bytes as they are kept, the files that decided,
 * and the ledger's entries with their proofs. Whoever reads it brings keys of their own; nothing in it is to be trusted.
 */
import { enrolmentDigest } from '@airlock/common/approval/count-approvals';
import { intotoPayloadType } from '@airlock/common/constants';
import { parseEnvelope } from '@airlock/common/dsse/envelope';
import { sha256Hex } from '@airlock/common/encoding/hex';
import { describeRecords } from '@airlock/common/evidence/describe';
import { proofFile } from '@airlock/common/evidence/format';
import { deliveryLogText, parseDeliveryStatement } from '@airlock/common/intoto/delivery';
import { LedgerEntryType, parseLedgerEntry } from '@airlock/common/ledger/entry';
import { buildInclusionProof } from '@airlock/common/ledger/proof';
import { formatTlogProof } from '@airlock/common/ledger/tlog-proof';
import { parsePromotionDocument } from '@airlock/common/promotion/document';
import { parseVerificationSummary } from '@airlock/common/slsa/vsa';
import { bytesOfDelta } from '../domain/delta.ts';
import { headDigest, type SeenHead } from '../domain/ledger-facts.ts';
import type { Promotion } from '../domain/promotion.ts';
import { evidenceReadme } from './evidence-readme.ts';
import { keptApproval } from './judge-approvals.ts';
import { rebuiltFor } from './gather-facts.ts';
import type { ApprovalStore, SignedApproval } from './approval-ports.ts';
import type { AttestationStore } from './attestation-ports.ts';
import type { ConfigurationStore } from './configuration-ports.ts';
import type { Delivery, DeliveryStore } from './delivery-ports.ts';
import type { CheckpointRow, LedgerReader, LedgerRow } from './ledger-ports.ts';
import type { Passkey, PasskeyStore } from './passkey-ports.ts';
import type { PromotionStore } from './promotion-ports.ts';
import type { RebuildStore } from './rebuild-ports.ts';

export type EvidenceSources = {
  readonly promotions: Pick<PromotionStore, 'evidence'>;
  readonly deliveries: Pick<DeliveryStore, 'log'>;
  readonly approvals: Pick<ApprovalStore, 'of'>;
  readonly passkeys: Pick<PasskeyStore, 'findMany' | 'ofPerson'>;
  readonly attestations: Pick<AttestationStore, 'summaryOf' | 'statementOf'>;
  readonly rebuilds: Pick<RebuildStore, 'of'>;
  readonly configurations: Pick<ConfigurationStore, 'envelopeOf'>;
  readonly ledger: LedgerReader;
  /** A file that decided, as intake kept it; null for one that was never kept. */
  kept(digest: string): Promise<Buffer | null>;
  /** Heads of main at this place or further on, as the ledger has them, in the order in which they were seen. */
  headsFrom(repository: string, position: number): Promise<readonly SeenHead[]>;
};

export type Evidence =
  { readonly files: ReadonlyMap<string, Buffer> } | { readonly missing: string };

/** The files of the archive by name, or in words what is not there yet: a second after the end of a delivery all of it is. */
export async function collectEvidence(
  sources: EvidenceSources,
  { promotion, delivery }: { readonly promotion: Promotion; readonly delivery: Delivery },
): Promise<Evidence> {
  const { attestations } = sources;
  const [kept, signed, statement, summary] = await Promise.all([
    sources.promotions.evidence(promotion.id),
    sources.approvals.of(promotion.id),
    attestations.statementOf(delivery.id),
    attestations.summaryOf(promotion.id, promotion.policyDigest),
  ]);
  if (kept === null || statement === null || summary === null) {
    return { missing: 'the signed statement of this delivery' };
  }
  const { subject, predicate: record } = parseDeliveryStatement(payloadOf(statement.envelope));
  const document = parsePromotionDocument(kept.document);
  const none = Promise.resolve(Buffer.alloc(0));
  const [policy, roster, trust] = await Promise.all([
    sources.kept(document.policy),
    sources.kept(document.roster),
    record.trust === null ? none : sources.kept(record.trust),
  ]);
  const manifest =
    record.configuration === null
      ? Buffer.alloc(0)
      : await sources.configurations.envelopeOf(record.configuration);
  if (policy === null || roster === null || trust === null || manifest === null) {
    return { missing: 'a target file, roster, trust store or manifest that was in force' };
  }
  const counted = new Set(record.approvals.map((approval) => approval.statement));
  const approvals = signed.flatMap((approval) =>
    approval.signed !== null && counted.has(sha256Hex(approval.signed.statement))
      ? [approval.signed]
      : [],
  );
  const passkeys = await sources.passkeys.findMany(
    approvals.map(({ credentialId }) => credentialId),
  );
  // A later one has a day first, which shows only beside the earlier ones.
  const people = [...new Set(passkeys.map(({ person }) => person))];
  const theirs = await Promise.all(people.map((person) => sources.passkeys.ofPerson(person)));
  const { predicate: summed } = parseVerificationSummary(payloadOf(summary.envelope));
  const inputs = new Set(summed.inputAttestations.map(({ digest }) => digest.sha256));
  const rebuilds = (await sources.rebuilds.of(rebuiltFor(promotion)))
    .map(({ envelope }) => envelope)
    .filter((envelope) => inputs.has(sha256Hex(envelope)));
  const [firstHead] = await sources.headsFrom(document.repository, document.position);
  const checkpoint = await sources.ledger.checkpoint();
  const entries = await entriesOf(sources.ledger, {
    promotion,
    passkeys: theirs.flat(),
    attestations: [summary.digest, statement.digest],
    rebuilds: rebuilds.map(sha256Hex),
    configuration: record.configuration,
    head: firstHead === undefined ? null : headDigest(document.repository, firstHead.commit),
  });
  const isCovered = ({ index }: LedgerRow): boolean =>
    checkpoint !== null && index < checkpoint.size;
  const hasStatement = entries.some(
    (row) => row.subjectDigest === statement.digest && isCovered(row),
  );
  if (checkpoint === null || !hasStatement) {
    return { missing: 'the signed checkpoint over the statement of this delivery' };
  }
  const commit = await commitObject(sources, entries);
  if (commit === null) return { missing: 'the commit as it was taken in' };
  const log = await sources.deliveries.log(delivery.id, { after: 0, limit: record.log.lines });
  const files = new Map<string, Buffer>([
    ['README.txt', Buffer.from(evidenceReadme(record))],
    ['promotion.json', kept.document],
    ['changes.json', bytesOfDelta(promotion.delta)],
    ['bundle.intoto.jsonl', kept.bundle],
    ['commit', commit],
    ['approvals.json', json(approvalsOf(approvals, passkeys))],
    ['policy.yaml', policy],
    ['roster.yaml', roster],
    ['trust.json', trust],
    ['manifest.dsse.json', manifest],
    ['rebuilds.intoto.jsonl', Buffer.from(rebuilds.map((line) => `${line.toString()}\n`).join(''))],
    ['vsa.dsse.json', summary.envelope],
    ['delivery.dsse.json', statement.envelope],
    ['log.txt', Buffer.from(record.log.lines === 0 ? '' : deliveryLogText(log))],
  ]);
  for (const [name, content] of describeRecords({ subject, delivery: record, summary: summed })) {
    files.set(name, Buffer.from(content));
  }
  await addLedger(files, sources.ledger, { checkpoint, entries: entries.filter(isCovered) });
  const digests = [...files].map(([name, content]) => `${sha256Hex(content)}  ${name}\n`).sort();
  files.set('MANIFEST.sha256', Buffer.from(digests.join('')));
  return { files: new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

type Entry = LedgerRow & { readonly subjectDigest: string };

async function entriesOf(
  ledger: LedgerReader,
  about: {
    readonly promotion: Promotion;
    readonly passkeys: readonly Passkey[];
    readonly attestations: readonly string[];
    readonly rebuilds: readonly string[];
    readonly configuration: string | null;
    readonly head: string | null;
  },
): Promise<Entry[]> {
  const { promotion } = about;
  const asked: [LedgerEntryType, string][] = [
    ['bundle.admitted', promotion.bundleDigest],
    ...about.passkeys.map(enrolmentDigest).flatMap((digest): [LedgerEntryType, string][] => [
      ['passkey.enrolled', digest],
      ['passkey.withdrawn', digest],
    ]),
    ...LedgerEntryType.options.map((type): [LedgerEntryType, string] => [
      type,
      promotion.promotionDigest,
    ]),
    ...about.attestations.map((digest): [LedgerEntryType, string] => [
      'attestation.issued',
      digest,
    ]),
    ...about.rebuilds.map((digest): [LedgerEntryType, string] => ['rebuild.attested', digest]),
    ...(about.configuration === null
      ? []
      : [['configuration.changed', about.configuration] satisfies [LedgerEntryType, string]]),
    ...(about.head === null ? [] : [['git.head', about.head] satisfies [LedgerEntryType, string]]),
  ];
  const found = await Promise.all(
    asked.map(async ([type, subjectDigest]) =>
      (await ledger.bySubject(type, subjectDigest)).map((row) => ({ ...row, subjectDigest })),
    ),
  );
  const isOurs = ({ body }: LedgerRow): boolean => {
    const { type, refs } = parseLedgerEntry(body);
    // One bundle, and one rebuild, may serve promotions to several targets.
    const isShared = type === 'bundle.admitted' || type === 'rebuild.attested';
    if (!isShared) return true;
    const about = type === 'rebuild.attested' ? rebuiltFor(promotion) : promotion.id;
    return refs['promotion'] === about;
  };
  const byIndex = new Map(
    found
      .flat()
      .filter(isOurs)
      .map((row) => [row.index, row]),
  );
  return [...byIndex.values()].sort((a, b) => a.index - b.index);
}

/** The raw object that the admission names, which `git hash-object -t commit` and `ssh-keygen -Y verify` can judge. */
async function commitObject(
  { kept }: Pick<EvidenceSources, 'kept'>,
  entries: readonly Entry[],
): Promise<Buffer | null> {
  for (const { body } of entries) {
    const { type, refs } = parseLedgerEntry(body);
    if (type === 'bundle.admitted' && refs['commitObject'] !== undefined) {
      return kept(refs['commitObject']);
    }
  }
  return null;
}

/** Every entry with its proof under one checkpoint. */
async function addLedger(
  files: Map<string, Buffer>,
  ledger: LedgerReader,
  { checkpoint, entries }: { checkpoint: CheckpointRow; entries: readonly LedgerRow[] },
): Promise<void> {
  const lines = entries.map(
    ({ index, body }) => `${JSON.stringify({ index, body: body.toString('base64') })}\n`,
  );
  files.set('ledger/entries.ndjson', Buffer.from(lines.join('')));
  files.set('ledger/checkpoint', Buffer.from(checkpoint.note));
  for (const { index } of entries) {
    const hashes = await buildInclusionProof(
      ({ level, n }) => ledger.tile(level, n),
      index,
      checkpoint.size,
    );
    const proof = formatTlogProof({ index, hashes, checkpoint: checkpoint.note });
    files.set(proofFile(index), Buffer.from(proof));
  }
}

function approvalsOf(approvals: readonly SignedApproval[], passkeys: readonly Passkey[]): unknown {
  return {
    approvals: approvals.map(keptApproval),
    passkeys: passkeys.map(({ credentialId, person, publicKeyPem, rpId, origin }) => ({
      credentialId,
      person,
      publicKeyPem,
      rpId,
      origin,
    })),
  };
}

const payloadOf = (envelope: Buffer): Buffer => parseEnvelope(envelope, intotoPayloadType).payload;
const json = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
