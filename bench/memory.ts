/**
 * P7: what each process of a pair keeps in memory at rest, some seconds after it has built; beside the mini-runner, and
 * Buildbot's master and worker together.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { processNames } from '@airlock/demo/names';
import { startMiniRunner } from './ci/floor.ts';
import { timeOne } from './ci/latency.ts';
import { residentMegabytes } from './ci/process-usage.ts';
import { startOurs } from './ci/ours.ts';
import { startBuildbot } from './peers/buildbot.ts';
import type { Figure } from './harness.ts';

const builds = 3;
const restMs = 10_000;
/** Megabytes that a process may keep; a runner stands on many machines. */
const goals = { runner: 80, others: 120 };

export async function* bench(): AsyncGenerator<Figure> {
  const script = 'echo "line $((40 + 2))"';
  const closers: (() => Promise<void>)[] = [];
  try {
    const ours = await startOurs({ script, tree: null, runners: 1 });
    closers.push(() => ours.stop());
    const floor = await startMiniRunner(ours, { script, withCheckout: false });
    closers.push(() => floor.stop());
    const buildbot = await startBuildbot({ secret: ours.secret, command: 'true' });
    if (buildbot !== null) closers.push(() => buildbot.stop());
    for (const contestant of [ours, floor]) {
      for (let built = 0; built < builds; built += 1) await timeOne(contestant, 'line 42');
    }
    await sleep(restMs);
    const limit = residentMegabytes(floor.pid);
    for (const name of processNames) {
      // Of other administrators; the pair of a bench has none.
      if (name === 'rebuilder') continue;
      const value = residentMegabytes(ours.pair.process(name).pid);
      const goal = name === 'runner' ? goals.runner : goals.others;
      yield {
        name: `memory: ${name} at rest; floor: the mini-runner; goal ${goal}`,
        ...{ value, unit: 'MB', limit, ratio: value / limit },
      };
    }
    const together = ['nonprod-web', 'runner'] as const;
    const value = together
      .map((name) => residentMegabytes(ours.pair.process(name).pid))
      .reduce((sum, each) => sum + each, 0);
    const figure = { name: 'memory: web and runner; peer: master and worker', value, unit: 'MB' };
    if (buildbot === null) {
      yield { ...figure, limit, ratio: value / limit };
      return;
    }
    const { master, worker } = buildbot.pids;
    const peer = residentMegabytes(master) + residentMegabytes(worker);
    yield { ...figure, peer, ratio: value / peer };
  } finally {
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
  }
}
