/**
 * What is usual for a workflow of a repository in a pool, by its last jobs that passed, and what is not. Medians, and the
 * median distance from them: a few odd builds do not move what is usual.
 */
import type { Flag } from './flag.ts';

/** Jobs before which nothing is said to be unusual. */
export const fewest = 20;
/** Jobs that are looked back at. */
export const lookedBack = 200;
/** Of hours: a working week's builds and more. */
const fewestForHours = 40;
const quietHours = 4;
/** Standard deviations of a figure, as the median distance tells them, beyond which it is unusual. */
const deviations = 8;
const perMedianDistance = 1.4826;

export interface Measures {
  readonly at: Date;
  /** Of its steps, from the first to the last. */
  readonly seconds: number;
  /** Null: it kept nothing. */
  readonly artifactBytes: number | null;
  /** That it asked for. */
  readonly hosts: readonly string[];
  readonly images: readonly string[];
}

/** @param before at most `lookedBack` of them, the newest first. */
export function unusual(now: Measures, before: readonly Measures[]): readonly Flag[] {
  if (before.length < fewest) return [];
  const sizes = before.flatMap(({ artifactBytes: size }) => (size === null ? [] : [size]));
  const of = `${before.length} jobs before it`;
  return [
    ...figure(
      'duration',
      now.seconds,
      before.map(({ seconds }) => seconds),
      {
        least: 60,
        words: (value) => `${value} s`,
      },
    ),
    ...(now.artifactBytes === null || sizes.length < fewest
      ? []
      : figure('artifact-size', now.artifactBytes, sizes, {
          least: 65_536,
          words: (value) => `${value} bytes`,
        })),
    ...novel(
      'host',
      now.hosts,
      before.map(({ hosts }) => hosts),
      (name) => `It asked for ${name}, which none of the ${of} did.`,
    ),
    ...novel(
      'image',
      now.images,
      before.map(({ images }) => images),
      (name) => `It used the image ${name}, which none of the ${of} did.`,
    ),
    ...oddHour(now.at, before),
  ];
}

function figure(
  rule: string,
  value: number,
  before: readonly number[],
  { least, words }: { readonly least: number; readonly words: (value: number) => string },
): Flag[] {
  const middle = median(before);
  const spread = median(before.map((each) => Math.abs(each - middle))) * perMedianDistance;
  // Half of what is usual is nothing odd, however alike the others are; and nothing is less than nothing.
  const far = Math.max(deviations * spread, middle / 2, least);
  if (Math.abs(value - middle) <= far) return [];
  const text = `Its ${rule.replace('-', ' ')} is ${words(value)}; usual are ${words(Math.round(middle))}, give or take ${words(Math.round(far))}, by ${before.length} jobs before it.`;
  return [{ kind: 'unusual', rule, text, lines: null }];
}

/** What was never there before, unless something new is what is usual. */
function novel(
  what: string,
  now: readonly string[],
  before: readonly (readonly string[])[],
  textOf: (name: string) => string,
): Flag[] {
  const older = before.slice(Math.ceil(before.length / 2));
  const newer = before.slice(0, Math.ceil(before.length / 2));
  const known = new Set(older.flat());
  // The newest stand first, and one teaches those after it.
  const surprises = newer.toReversed().filter((names) => {
    const isNew = names.some((name) => !known.has(name));
    for (const name of names) known.add(name);
    return isNew;
  });
  if (surprises.length > newer.length / 10) return [];
  return [...new Set(now)]
    .filter((name) => !known.has(name))
    .map((name) => ({ kind: 'unusual', rule: `new-${what}`, text: textOf(name), lines: null }));
}

function oddHour(at: Date, before: readonly Measures[]): Flag[] {
  if (before.length < fewestForHours) return [];
  const hour = hourOf(at);
  const nearest = Math.min(...before.map((each) => apart(hour, hourOf(each.at))));
  if (nearest < quietHours) return [];
  const text = `It ended at ${at.toISOString().slice(11, 16)} UTC; none of the ${before.length} jobs before it did within ${quietHours} hours of that time of day.`;
  return [{ kind: 'unusual', rule: 'odd-hour', text, lines: null }];
}

const hourOf = (at: Date): number => at.getUTCHours() + at.getUTCMinutes() / 60;

function apart(one: number, other: number): number {
  const distance = Math.abs(one - other);
  return Math.min(distance, 24 - distance);
}

/** @param values one or more. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? 0) + upper) / 2;
}
