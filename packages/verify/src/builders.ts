/** How many builders that do not depend on each other made these bytes, by their own signatures. */
import { builderRuleOf, admissionPolicyOf } from '@airlock/common/policy/admission-policy';
import { sha256Hex } from '@airlock/common/encoding/hex';
import { countBuilders } from '@airlock/common/verify/count-builders';
import type { VerifiedBundle } from '@airlock/common/verify/verify-promotion-bundle';
import type { Decided } from './decided.ts';
import { linesIn, type EvidenceArchive } from './files.ts';
import { theEntry, type ProvenEntry } from './ledger.ts';
import type { Pinned } from './pinned.ts';
import { EvidenceFault } from './report.ts';

/** @returns the count, the main builder among them. @throws EvidenceFault for too few, or one that signed other bytes. */
export function checkBuilders(given: {
  readonly archive: EvidenceArchive;
  readonly decided: Decided;
  readonly pinned: Pinned;
  readonly entries: readonly ProvenEntry[];
  readonly bundle: VerifiedBundle;
  readonly intentAt: Date;
}): number {
  const { decided, entries } = given;
  const { policy, document } = decided;
  // What the release file wished beyond the target's rule is the gate's to know: it has the commit.
  const { need, of } = builderRuleOf(policy, 1);
  const answers = linesIn(given.archive, 'rebuilds.intoto.jsonl').map((line) => {
    const envelope = Buffer.from(line);
    const entry = theEntry(entries, 'rebuild.attested', {
      subject: sha256Hex(envelope),
      // Those who built it again were asked when it was first promoted.
      refs: { promotion: document.return?.promotion ?? document.promotion },
    });
    return { envelope, difference: null, receivedAt: new Date(entry.at), isRecorded: true };
  });
  const { have, differing, discounted } = countBuilders({
    ...{ main: given.bundle, answers, of, trust: given.pinned.trust, now: given.intentAt },
    policy: admissionPolicyOf(policy),
  });
  const [other] = differing;
  if (other !== undefined) throw new EvidenceFault(`${other.builderId} made other bytes`);
  const [fault] = discounted;
  if (fault !== undefined) throw new EvidenceFault(`${fault.code}: ${fault.detail}`);
  if (have < need) throw new EvidenceFault(`${have} of ${need} builders made these bytes`);
  return have;
}
