import type { Contestant } from './contestant.ts';
import type { Tree } from './commits.ts';
import { startMiniRunner, type MiniRunner } from './floor.ts';
import { startOurs, type Ours } from './ours.ts';
import { startPeer } from './peer.ts';

export type Field = {
  readonly ours: Ours;
  readonly floor: MiniRunner;
  readonly buildbot: Contestant | null;
  /** Those that there are. */
  readonly all: readonly Contestant[];
  stop(): Promise<void>;
};

/** Ours, the floor and Buildbot, each building commits of the same content with one step that runs `script`. */
export async function startField(options: {
  readonly script: string;
  readonly tree?: Tree;
  /** Of ours; the others build two at once. Default 1. */
  readonly runners?: number;
  /** Given to the step by ours, which masks them; the others know of no secrets. */
  readonly secrets?: ReadonlyMap<string, string>;
}): Promise<Field> {
  const { script, tree = null, runners = 1, secrets = new Map<string, string>() } = options;
  const started: Contestant[] = [];
  const stop = async (): Promise<void> => {
    for (let last = started.pop(); last !== undefined; last = started.pop()) await last.stop();
  };
  try {
    const ours = await startOurs({ script, tree, runners, secrets });
    started.push(ours);
    const floor = await startMiniRunner(ours, { script, withCheckout: tree !== null });
    started.push(floor);
    const buildbot = await startPeer(ours, { script, withCheckout: tree !== null });
    if (buildbot !== null) started.push(buildbot);
    return { ours, floor, buildbot, all: [...started], stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
