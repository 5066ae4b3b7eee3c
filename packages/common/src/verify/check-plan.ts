import type { Refusal, VerifiedBundle } from './verify-promotion-bundle.ts';

/** What the gate found out by itself about the commit that a bundle names. */
export type KnownPlan = {
  /** SHA-256 of the plan that the gate compiled from its own mirror's files at the commit. */
  readonly planDigest: string;
  /** SHA-256 of the runners' software that the target allows. */
  readonly images: readonly string[];
};

/**
 * Was the plan that ran the one that the commit's files say, on software that the target allows? The control plane of
 * nonprod, which hands plans to runners, is not asked: the runner states the digest, the signer signs it after compiling
 * the files in its mirror, and here it is compared with what the gate's mirror says.
 *
 * @returns null when it was, else the first fault: `E_PLAN_MISSING`, `E_PLAN_DIGEST` or `E_RUNNER_IMAGE`.
 */
export function checkPlan(
  bundle: Pick<VerifiedBundle, 'planDigest' | 'runnerImages' | 'pipeline' | 'commit'>,
  known: KnownPlan,
): Refusal | null {
  const { planDigest, runnerImages, pipeline, commit } = bundle;
  if (planDigest === null) {
    return { ok: false, code: 'E_PLAN_MISSING', detail: 'the provenance names no plan' };
  }
  if (planDigest !== known.planDigest) {
    return {
      ok: false,
      code: 'E_PLAN_DIGEST',
      detail: `${pipeline} at ${commit} compiles to plan sha256 ${known.planDigest}, the build ran ${planDigest}`,
    };
  }
  const strange = runnerImages.find((image) => !known.images.includes(image));
  if (runnerImages.length === 0 || strange !== undefined) {
    const found = strange === undefined ? 'none is stated' : `the build ran on sha256 ${strange}`;
    return {
      ok: false,
      code: 'E_RUNNER_IMAGE',
      detail: `a runner image that the target lists under builders.images expected; ${found}`,
    };
  }
  return null;
}
