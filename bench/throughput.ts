/** P5: a hundred builds of one step, announced at once, two at a time; Buildbot gets fewer, which makes it no slower. */
import { startField } from './ci/all.ts';
import { until, type Contestant } from './ci/contestant.ts';
import { beside } from './ci/latency.ts';
import type { Figure } from './harness.ts';

const builds = 100;
const peerBuilds = 20;

export async function* bench(): AsyncGenerator<Figure> {
  const field = await startField({ script: 'echo "line $((40 + 2))"', runners: 2 });
  try {
    const rates: Record<string, number> = {};
    for (const contestant of field.all) {
      await rate(contestant, 4);
      rates[contestant.name] = await rate(
        contestant,
        contestant.name === 'buildbot' ? peerBuilds : builds,
      );
    }
    yield beside(
      `throughput: ${builds} queued builds, two at a time`,
      'builds/s',
      (name) => rates[name],
    );
  } finally {
    await field.stop();
  }
}

/** Builds a second, from the first webhook to the end of the last build. */
async function rate(contestant: Contestant, count: number): Promise<number> {
  const waiting = [];
  for (let at = 0; at < count; at += 1) waiting.push(await contestant.prepare());
  const began = performance.now();
  await Promise.all(waiting.map((build) => contestant.announce(build)));
  let open = waiting;
  await until(`the end of ${count} builds of ${contestant.name}`, 10, async () => {
    const still = [];
    // The newest are the last to end: one that has not makes the look short.
    for (const build of open.toReversed()) {
      if (still.length > 0 || !(await contestant.isOver(build))) still.unshift(build);
    }
    open = still;
    return open.length === 0;
  });
  return count / ((performance.now() - began) / 1000);
}
