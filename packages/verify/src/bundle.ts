/** The bundle through the admission kernel once more, with the pinned signers and the approved policy. */
import { admissionPolicyOf } from '@airlock/common/policy/admission-policy';
import { checkPlan } from '@airlock/common/verify/check-plan';
import {
  verifyPromotionBundle,
  type VerifiedBundle,
} from '@airlock/common/verify/verify-promotion-bundle';
import type { Decided } from './decided.ts';
import { EvidenceFault } from './report.ts';
import type { Pinned } from './pinned.ts';

/**
 * @param given.admittedAt by the ledger: key windows are judged as of then.
 * @param given.intentAt by the ledger: revocation and age are judged as of then, as the gate did.
 * @throws EvidenceFault with the kernel's code.
 */
export function checkBundle(given: {
  readonly bundle: Buffer;
  readonly decided: Decided;
  readonly pinned: Pinned;
  readonly admittedAt: Date;
  readonly intentAt: Date;
}): VerifiedBundle {
  const { document, policy } = given.decided;
  const result = verifyPromotionBundle({
    bundle: given.bundle,
    artifact: { sha256: document.artifact },
    target: document.target,
    policies: new Map([[policy.target, admissionPolicyOf(policy)]]),
    trust: given.pinned.trust,
    now: given.intentAt,
    receivedAt: given.admittedAt,
  });
  if (!result.ok) throw new EvidenceFault(`${result.code}: ${result.detail}`);
  const { bundle } = result;
  const pairs = [
    ['bundle', bundle.bundleDigest, document.bundle],
    ['provenance', bundle.provenanceDigest, document.provenance],
    ['repository', bundle.repository, document.repository],
    ['commit', bundle.commit, document.commit],
    ['release', bundle.release, document.release],
    ['subject', bundle.subjectName, document.subject],
    // A return is asked for at the gate, and by whom is what its approvers signed.
    ...(document.return === undefined
      ? [['requester', bundle.requester.id, document.requester] as const]
      : []),
  ] as const;
  for (const [field, found, approved] of pairs) {
    if (found !== approved) {
      throw new EvidenceFault(`the bundle's ${field} is not the one of promotion.json`);
    }
  }
  // The plan itself can be derived by whoever has the commit; which software ran it is in the approved policy.
  const images = policy.admits.flatMap(({ builders }) =>
    builders.images.map((image) => image.slice('sha256:'.length)),
  );
  const ran = checkPlan(bundle, { planDigest: bundle.planDigest ?? '', images });
  if (ran !== null) throw new EvidenceFault(`${ran.code}: ${ran.detail}`);
  return bundle;
}

/** SHA-256 of each envelope is over its line without the line feed. */
export function envelopesOf(bundle: Buffer): Buffer[] {
  return bundle
    .toString('utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => Buffer.from(line));
}
