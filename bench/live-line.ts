/**
 * P4: from the printing of a line until a viewer of the live log has it, while the step runs and prints a thousand other lines a
 * second. A line carries the time at which it was printed, by the clock of this machine.
 */
import { startField } from './ci/all.ts';
import type { Contestant } from './ci/contestant.ts';
import { beside } from './ci/latency.ts';
import { interleave, median, p95, type Figure } from './harness.ts';

const rounds = 3;
const stamps = 40;
const script = [
  `for n in $(seq ${stamps}); do`,
  'echo "stamp=$(date +%s%N)=";',
  'seq 1000 1100;',
  'sleep 0.1;',
  'done',
].join(' ');

export async function* bench(): AsyncGenerator<Figure> {
  const field = await startField({ script });
  try {
    const found = new Map<string, number[]>(field.all.map(({ name }) => [name, []]));
    const samples = await interleave(
      rounds,
      Object.fromEntries(
        field.all.map((contestant) => [
          contestant.name,
          async () => {
            const delays = await delaysOf(contestant);
            found.get(contestant.name)?.push(p95(delays));
            return median(delays);
          },
        ]),
      ),
    );
    const middle = (of: Readonly<Record<string, readonly number[]>>) => (name: string) =>
      of[name] === undefined ? undefined : median(of[name]);
    yield beside('live-line: printed to seen (p50)', 'ms', middle(samples));
    const worst = Object.fromEntries([...found].map(([name, all]) => [name, all.slice(1)]));
    yield beside('live-line: printed to seen (p95)', 'ms', middle(worst));
  } finally {
    await field.stop();
  }
}

/** Milliseconds of each line with a stamp, the first time that it was shown. */
async function delaysOf(contestant: Contestant): Promise<number[]> {
  const build = await contestant.prepare();
  await contestant.announce(build);
  const seen = new Map<string, number>();
  await contestant.follow(build, (text) => {
    const now = Date.now();
    for (const [, stamp = ''] of text.matchAll(/stamp=(\d{16,})=/g)) {
      if (!seen.has(stamp)) seen.set(stamp, now - Number(stamp.slice(0, -6)));
    }
  });
  if (seen.size < stamps) {
    throw new Error(`a viewer of ${contestant.name} saw ${seen.size} of ${stamps} lines`);
  }
  return [...seen.values()];
}
