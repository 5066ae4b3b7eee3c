/** What the builders of a promotion's bytes mean for its delivery. */
import type { BuilderCount, DiscountedAnswer } from '@airlock/common/verify/count-builders';

export type BuilderFacts = {
  /** Builders that must have made the same bytes, the main one among them. 1 or more. */
  readonly need: number;
  /** Builders that the target lists beside the main one. */
  readonly listed: number;
  /** Null while the signed bundle does not pass: then nobody's build is known. */
  readonly count: BuilderCount | null;
};

export type BuilderReason =
  | {
      readonly code: 'E_REBUILD_MISSING';
      readonly have: number;
      readonly need: number;
      readonly listed: number;
      /** Builder ids of whom there is no answer yet. */
      readonly silent: readonly string[];
      readonly discounted: readonly DiscountedAnswer[];
    }
  | {
      readonly code: 'E_REBUILD_DIFFERS';
      /** Builder ids. */
      readonly builders: readonly string[];
      /** Paths in the archives that differ, as the builders signed them; empty when nothing is known file by file. */
      readonly files: readonly string[];
      readonly fileCount: number;
    };

/** A difference holds a promotion also where one builder is enough: somebody who was asked says that the bytes are wrong. */
export function builderReasons({ need, listed, count }: BuilderFacts): BuilderReason[] {
  if (count === null) return [];
  const { have, differing, discounted, silent } = count;
  const reasons: BuilderReason[] = [];
  if (differing.length > 0) {
    const differences = differing.flatMap(({ difference }) => difference ?? []);
    reasons.push({
      code: 'E_REBUILD_DIFFERS',
      builders: [...new Set(differing.map(({ builderId }) => builderId))],
      files: [...new Set(differences.flatMap(({ files }) => files.map(({ path }) => path)))],
      fileCount: Math.max(
        0,
        ...differences.map(({ added, removed, changed }) => added + removed + changed),
      ),
    });
  }
  // Whoever made other bytes is told above, and is not also missing.
  const told = new Set(differing.map(({ builderId }) => builderId)).size;
  if (have + told < need) {
    reasons.push({ code: 'E_REBUILD_MISSING', have, need, listed, silent, discounted });
  }
  return reasons;
}
