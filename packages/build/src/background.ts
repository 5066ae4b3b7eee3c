/** What runs beside the steps of a workflow: its services, and steps that nobody waits for. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { IsolatedNetwork } from './isolation/isolation.ts';
import type { CommandEnd } from './run-step.ts';

/** So long a service may take until the steps start without it. */
const readySeconds = 60;
const lookMs = 20;

export type Background = {
  /**
   * @param run resolves when it ended, by itself or because its signal was given.
   * @param onFailure told why it failed by itself; null: how it ends changes nothing.
   */
  start(
    run: (signal: AbortSignal) => Promise<CommandEnd>,
    onFailure: ((reason: string) => void) | null,
  ): Running;
  /** Ends what still runs. @throws what a run threw. */
  stop(): Promise<CommandEnd[]>;
};

export type Running = { hasEnded(): boolean };

export function createBackground(): Background {
  const stopping = new AbortController();
  const all: Promise<CommandEnd>[] = [];
  return {
    start(run, onFailure) {
      let hasEnded = false;
      const follow = async (): Promise<CommandEnd> => {
        try {
          const end = await run(stopping.signal);
          if (end.report.outcome !== 'passed' && end.reason !== null) onFailure?.(end.reason);
          return end;
        } finally {
          hasEnded = true;
        }
      };
      const following = follow();
      // `stop` throws it on.
      following.catch(() => {});
      all.push(following);
      return { hasEnded: () => hasEnded };
    },
    async stop() {
      stopping.abort();
      await Promise.allSettled(all);
      return Promise.all(all);
    },
  };
}

/** Waits until somebody listens at every port of a service; not longer than it runs, nor than a minute. */
export async function untilListening(
  service: { readonly name: string; readonly ports: readonly number[] },
  options: {
    readonly running: Running;
    readonly network: Pick<IsolatedNetwork, 'listens'>;
    readonly signal: AbortSignal;
    readonly say: (line: string) => Promise<void> | void;
  },
): Promise<void> {
  const { running, network, signal, say } = options;
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  for (const port of service.ports) {
    while (!(await network.listens(port))) {
      if (running.hasEnded() || signal.aborted) return;
      if (seconds() > readySeconds) {
        await say(
          `service ${service.name}: nobody listens at port ${port} after ${readySeconds} s; the steps start all the same`,
        );
        return;
      }
      await sleep(lookMs);
    }
  }
  if (service.ports.length === 0) return;
  await say(
    `service ${service.name}: listens at ${service.ports.join(', ')} after ${seconds().toFixed(1)} s`,
  );
}
