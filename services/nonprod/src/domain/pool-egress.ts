/** Where builds of a pool may connect to, as its runners say: nonprod keeps no such list and compares none. */

/** Of one runner. */
export interface ToldEgress {
  /** `name:port` each, the first 200 of its configuration. */
  readonly places: readonly string[];
  /** How many there are in all. */
  readonly count: number;
}

export interface PoolEgress {
  /** That some runner of it allows, sorted. */
  readonly places: readonly string[];
  /** What they are worth, in one line for people. */
  readonly said: string;
}

/** @param runners of the pool, that were heard of lately; null: one that does not say. */
export function poolEgress(isolation: string, runners: readonly (ToldEgress | null)[]): PoolEgress {
  if (isolation === 'user' || isolation === 'none') {
    return {
      places: [],
      said: `whatever its machines reach: isolation ${isolation} has no network of its own`,
    };
  }
  const told = runners.filter((each) => each !== null);
  const places = [...new Set(told.flatMap((each) => each.places))].sort();
  const silent = runners.length - told.length;
  const said = [
    ...(told.length === 0 ? [] : [`${wordOf(places.length)}, as its runners say`]),
    ...(told.some((each) => each.places.length < places.length)
      ? ['not each of them allows all']
      : []),
    ...(told.some(({ places: listed, count }) => count > listed.length)
      ? ['and others that they do not name']
      : []),
    ...(silent === 0 ? [] : [`not told by ${silent} of its ${runners.length} runners`]),
  ];
  if (runners.length === 0) said.push('not known: no runner of it was heard of in the last day');
  return { places, said: said.join('; ') };
}

function wordOf(count: number): string {
  if (count === 0) return 'nothing outside';
  return count === 1 ? 'one place' : `${count} places`;
}
