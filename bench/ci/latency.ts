/** How long one build takes: from the webhook to its first line, and to its end. */
import { interleave, median, type Figure } from '../harness.ts';
import { until, type Contestant } from './contestant.ts';
import type { Field } from './all.ts';

export type Times = { readonly firstLine: number; readonly end: number };

/** Milliseconds from the sending of one webhook; `marker` is in what the step prints and not in the command. */
export async function timeOne(contestant: Contestant, marker: string): Promise<Times> {
  const build = await contestant.prepare();
  const began = performance.now();
  const shownAt: number[] = [];
  await contestant.announce(build);
  // As somebody who watches is shown it: asking again and again would be work for those that are measured.
  await contestant.follow(build, (text) => {
    if (text.includes(marker)) shownAt.push(performance.now() - began);
  });
  const [firstLine] = shownAt;
  if (firstLine === undefined) throw new Error(`nobody was shown the line of ${contestant.name}`);
  await until(`the end of ${contestant.name}`, 4, () => contestant.isOver(build));
  return { firstLine, end: performance.now() - began };
}

/** The medians of builds, one after the other, of everybody in turn. */
export async function latencies(
  { all }: Field,
  options: { readonly rounds: number; readonly marker: string; readonly of: string },
): Promise<Figure[]> {
  const found = new Map<string, Times[]>(all.map(({ name }) => [name, []]));
  await interleave(
    options.rounds,
    Object.fromEntries(
      all.map((contestant) => [
        contestant.name,
        async () => {
          const times = await timeOne(contestant, options.marker);
          found.get(contestant.name)?.push(times);
          return times.firstLine;
        },
      ]),
    ),
  );
  const middle = (name: string, what: keyof Times): number | undefined => {
    // The first round is thrown away, as the harness does.
    const samples = found
      .get(name)
      ?.slice(1)
      .map((times) => times[what]);
    return samples === undefined || samples.length === 0 ? undefined : median(samples);
  };
  return (['firstLine', 'end'] as const).map((what) =>
    beside(
      `${options.of}: webhook to ${what === 'end' ? 'its end seen' : 'its first line seen'} (p50)`,
      'ms',
      (name) => middle(name, what),
    ),
  );
}

/** A figure of ours beside those of the floor and of Buildbot. */
export function beside(
  name: string,
  unit: string,
  of: (name: string) => number | undefined,
): Figure {
  const [value = Number.NaN, limit = Number.NaN, peer] = [of('ours'), of('floor'), of('buildbot')];
  const figure = { name, value, unit, limit, ratio: value / limit };
  return peer === undefined ? figure : { ...figure, peer };
}
