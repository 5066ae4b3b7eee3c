/** What the gate signed of it: the verification summary and the delivery statement, by pinned keys. */
import { openSigned } from '@airlock/common/dsse/open-signed';
import { sha256Hex } from '@airlock/common/encoding/hex';
import { parseDeliveryStatement, type DeliveryRecord } from '@airlock/common/intoto/delivery';
import type { Subject } from '@airlock/common/intoto/statement';
import {
  parseVerificationSummary,
  policyUri,
  resourceUri,
  verifierId,
  type VerificationSummary,
} from '@airlock/common/slsa/vsa';
import { envelopesOf } from './bundle.ts';
import type { Decided } from './decided.ts';
import type { EvidenceArchive } from './files.ts';
import { theEntry, type ProvenEntry } from './ledger.ts';
import type { Pinned } from './pinned.ts';
import { EvidenceFault } from './report.ts';

export type CheckedSummary = {
  readonly digest: string;
  readonly subject: Subject;
  readonly summary: VerificationSummary;
};

export type Known = {
  readonly archive: EvidenceArchive;
  readonly pinned: Pinned;
  readonly decided: Decided;
  readonly entries: readonly ProvenEntry[];
};

/** @throws when it is not about this artifact, this target, this policy and this bundle, or did not pass. */
export function checkSummary(known: Known & { readonly builders: number }): CheckedSummary {
  const { archive, decided, pinned, entries } = known;
  const { document, policy } = decided;
  const { payload } = openSigned(archive.file('vsa.dsse.json'), pinned.attestations);
  const { subject, predicate: summary } = parseVerificationSummary(payload);
  const [admits] = policy.admits;
  const inputs = [
    ...envelopesOf(archive.file('bundle.intoto.jsonl')),
    ...envelopesOf(archive.file('rebuilds.intoto.jsonl')),
  ]
    .map(sha256Hex)
    .sort();
  const checks: readonly (readonly [string, boolean])[] = [
    ['artifact', subject.sha256 === document.artifact && subject.name === document.subject],
    ['verifier', summary.verifier.id === verifierId(document.gate)],
    [
      'target',
      summary.resourceUri === resourceUri(document.gate, document.target, document.subject) &&
        summary.policy.uri === policyUri(document.gate, document.target),
    ],
    ['policy', summary.policy.digest?.sha256 === document.policy],
    [
      'set of attestations',
      summary.inputAttestations
        .map(({ digest }) => digest.sha256)
        .sort()
        .join() === inputs.join(),
    ],
  ];
  for (const [what, isSame] of checks) {
    if (!isSame) throw new EvidenceFault(`the summary is about another ${what}`);
  }
  if (summary.verificationResult !== 'PASSED') throw new EvidenceFault('it did not pass');
  const needed = [
    'SLSA_BUILD_LEVEL_2',
    'AIRLOCK_SOURCE_ON_MAIN',
    'AIRLOCK_PLAN_REDERIVED',
    ...(admits?.signedCommits === 'required' ? ['AIRLOCK_SOURCE_SIGNED'] : []),
    `AIRLOCK_BUILDERS_${known.builders}`,
  ];
  for (const level of needed) {
    if (!summary.verifiedLevels.includes(level)) throw new EvidenceFault(`${level} is missing`);
  }
  const digest = sha256Hex(payload);
  theEntry(entries, 'attestation.issued', { subject: digest, refs: { kind: 'vsa' } });
  return { digest, subject, summary };
}

export type CheckedDelivery = { readonly digest: string; readonly record: DeliveryRecord };

/** @throws when it is not about this promotion, artifact and summary, or the ledger tells another story. */
export function checkDelivery(
  known: Known & { readonly summary: CheckedSummary },
): CheckedDelivery {
  const { archive, decided, pinned, entries } = known;
  const { document } = decided;
  const { payload } = openSigned(archive.file('delivery.dsse.json'), pinned.attestations);
  const { subject, predicate: record } = parseDeliveryStatement(payload);
  const same: readonly (readonly [string, string | number, string | number])[] = [
    ['artifact', subject.sha256, document.artifact],
    ['artifact name', subject.name, document.subject],
    ['promotion', record.promotion, document.promotion],
    ['promotion digest', record.promotionDigest, decided.digest],
    ['gate', record.gate, document.gate],
    ['target', record.target, document.target],
    ['release', record.release, document.release],
    ['repository', record.repository, document.repository],
    ['commit', record.commit, document.commit],
    ['position', record.position, document.position],
    ['policy', record.policy, document.policy],
    ['roster', record.roster, document.roster],
    ['hook', record.hook.name, document.hook],
    ['summary', record.summary, known.summary.digest],
  ];
  for (const [what, said, wanted] of same) {
    if (said !== wanted) throw new EvidenceFault(`the delivery statement is about another ${what}`);
  }
  const digest = sha256Hex(payload);
  theEntry(entries, 'attestation.issued', { subject: digest, refs: { kind: 'delivery' } });
  return { digest, record };
}
