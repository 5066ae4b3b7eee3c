/**
 * The smallest groups that are enough for something. People who can do the same are interchangeable and make one part, so that
 * "any 2 of these 40" is one group and not 780.
 */

/** Any `count` of these. */
export type Part<T> = { readonly count: number; readonly of: readonly T[] };
/** All parts together. */
export type Group<T> = readonly Part<T>[];

export type MinimalGroups<T> = {
  /** Smallest first. None of them is enough with one less. */
  readonly groups: readonly Group<T>[];
  /** False where there were too many ways to look at all; what is listed is true then, and more may be. */
  readonly isComplete: boolean;
};

/** Most choices that are looked at. */
const maxLooks = 1_000;

/**
 * @param given.kindOf parties of one kind are interchangeable for `isEnough`.
 * @param given.isEnough monotone: who is enough stays so with more.
 * @param given.atLeast fewer are known not to be enough. Default 1.
 * @param given.atMost no group that is enough with none to spare is larger.
 */
export function minimalGroups<T>(given: {
  readonly parties: readonly T[];
  readonly kindOf: (party: T) => string;
  readonly isEnough: (parties: readonly T[]) => boolean;
  readonly atLeast?: number;
  readonly atMost: number;
}): MinimalGroups<T> {
  const { parties, isEnough } = given;
  const kinds = [...Map.groupBy(parties, given.kindOf).values()];
  const found: (readonly number[])[] = [];
  let looks = 0;
  // Whoever is never enough together is not enough in part.
  if (!isEnough(parties)) return { groups: [], isComplete: true };

  const choose = (counts: readonly number[], left: number): void => {
    const kind = kinds[counts.length];
    if (looks > maxLooks) return;
    if (kind === undefined) {
      looks += 1;
      const isSpare = found.some((less) => less.every((n, at) => n <= (counts[at] ?? 0)));
      if (!isSpare && isEnough(kinds.flatMap((of, at) => of.slice(0, counts[at])))) {
        found.push(counts);
      }
      return;
    }
    const after = kinds.slice(counts.length + 1).reduce((sum, of) => sum + of.length, 0);
    for (let n = Math.max(0, left - after); n <= Math.min(kind.length, left); n += 1) {
      choose([...counts, n], left - n);
    }
  };
  const largest = Math.min(given.atMost, parties.length);
  for (let size = given.atLeast ?? 1; size <= largest && looks <= maxLooks; size += 1) {
    choose([], size);
  }
  return {
    groups: found.map((counts) =>
      kinds.flatMap((of, at) => {
        const count = counts[at] ?? 0;
        return count === 0 ? [] : [{ count, of }];
      }),
    ),
    isComplete: looks <= maxLooks,
  };
}
