import { builderRuleOf, admissionPolicyOf } from '@airlock/common/policy/admission-policy';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import type { TrustStore } from '@airlock/common/trust/signer';
import { countBuilders, type MainBuild } from '@airlock/common/verify/count-builders';
import { sha256Hex } from '@airlock/common/encoding/hex';
import type { BuilderFacts } from '../domain/builders.ts';
import type { RebuildStore } from './rebuild-ports.ts';
import type { LedgerProofs } from './prove-entry.ts';

export type BuilderSources = {
  readonly rebuilds: Pick<RebuildStore, 'of'>;
  readonly proofs: Pick<LedgerProofs, 'attempt'>;
};

/**
 * How many builders vouch for the bytes of a promotion, by the envelopes that they signed. An answer counts once the ledger
 * has it, and its key is judged as of the ledger's time: the row's time is whoever's who can write rows.
 *
 * @param build what the main builder signed, verified; null when its bundle does not pass.
 * @param wish `reproduce` of the release file at the commit.
 */
export async function countPromotionBuilders(
  sources: BuilderSources,
  given: {
    readonly promotionId: string;
    readonly build: MainBuild | null;
    readonly policy: TargetPolicy;
    readonly wish: number;
    readonly trust: TrustStore;
    readonly now: Date;
  },
): Promise<BuilderFacts> {
  const { build, policy, trust, now } = given;
  const { need, of } = builderRuleOf(policy, given.wish);
  const listed = of.length;
  if (build === null) return { need, listed, count: null };
  const kept = of.length === 0 ? [] : await sources.rebuilds.of(given.promotionId);
  const answers = await Promise.all(
    kept.map(async ({ envelope, difference, receivedAt }) => {
      const proof = await sources.proofs.attempt(
        'rebuild.attested',
        sha256Hex(envelope),
        ({ refs, at }) =>
          refs['promotion'] === given.promotionId && at === receivedAt.toISOString(),
      );
      const isRecorded = 'entry' in proof && proof.entry !== null;
      return { envelope, difference, receivedAt, isRecorded };
    }),
  );
  const count = countBuilders({
    ...{ main: build, answers, of, trust, now },
    policy: admissionPolicyOf(policy),
  });
  return { need, listed, count };
}
