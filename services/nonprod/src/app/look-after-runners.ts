/** What people, and time, do with runners that are registered. */
import type { RunnerEvents } from '../runner-events.ts';
import { RunnerEdgeError, type RunnerStore } from './runner-ports.ts';

const dayMs = 86_400_000;

export interface RunnerClone {
  readonly runner: string;
  /** Where the call came from that showed it. */
  readonly address: string;
  readonly reason: string;
  /** When the certificate was issued whose key is in two places. */
  readonly keySince: Date;
}

export interface Quarantined {
  /** Leases that were ended; their jobs go to other runners. */
  readonly jobs: number;
  /** Runs that are marked as tainted from now on. */
  readonly runs: number;
}

export type LookAfterRunners = ReturnType<typeof createLookAfterRunners>;

export function createLookAfterRunners(ports: {
  readonly runners: RunnerStore;
  readonly events: RunnerEvents;
  readonly clock: () => Date;
  /** Closes every connection of a runner. */
  readonly cut: (runner: string) => void;
}) {
  const { runners, events, clock, cut } = ports;

  /** @throws RunnerEdgeError `no-such-runner` or `runner-state`. */
  async function change(
    wish: Omit<Parameters<RunnerStore['change']>[0], 'now' | 'reason'> & {
      readonly reason?: string;
    },
  ): Promise<void> {
    if (await runners.change({ reason: null, ...wish, now: clock() })) return;
    const found = await runners.find(wish.runner);
    if (found === null) {
      throw new RunnerEdgeError('no-such-runner', `there is no runner ${wish.runner}`);
    }
    throw new RunnerEdgeError(
      'runner-state',
      `${wish.runner} is ${found.state}; this is for one that is ${wish.from.join(' or ')}`,
    );
  }

  async function quarantine(
    runner: string,
    why: { readonly reason: string; readonly since: Date | null },
    by: string,
  ): Promise<Quarantined> {
    const { reason, since } = why;
    const from = ['active', 'draining', 'disabled', 'quarantined'] as const;
    await change({ runner, from, to: 'quarantined', reason, by });
    const now = clock();
    await runners.retireAll(runner, `the runner is quarantined: ${reason}`, now);
    cut(runner);
    // Before the leases end: a job that is taken back names its runner no more.
    const runs = since === null ? 0 : await runners.taint({ runner, since, reason, by, now });
    const jobs = await runners.endLeases(runner);
    const text = `Quarantined: ${reason}. ${jobs} jobs taken back, ${runs} runs marked as tainted.`;
    await events.changed({ runner, kind: 'quarantined', text }, by);
    return { jobs, runs };
  }

  return {
    /** It ends what it has and gets no more. */
    async drain(runner: string, by: string): Promise<void> {
      await change({ runner, from: ['active'], to: 'draining', by });
      await events.changed({ runner, kind: 'drained', text: 'Takes no new jobs.' }, by);
    },

    /** Back from draining. What is quarantined or disabled comes back by enrolment alone: its certificates are retired. */
    async resume(runner: string, by: string): Promise<void> {
      await change({ runner, from: ['draining'], to: 'active', by });
      await events.changed({ runner, kind: 'resumed', text: 'Takes jobs again.' }, by);
    },

    /**
     * Retires its certificates, cuts its connections, gives its jobs to others and marks what it worked on.
     *
     * @param why.since when it may have been captured: every run that it worked on from then on is tainted. Null marks none.
     */
    quarantine,

    /**
     * Two places hold its key. What either built since that key was made cannot be told from the other's, also under the
     * certificates that came after it.
     */
    async cloned({ runner, address, reason, keySince }: RunnerClone): Promise<void> {
      await events.cloned({ runner, address, reason });
      await quarantine(runner, { reason, since: keySince }, 'airlock');
    },

    /** Disables every runner that was not seen for so many days. @returns their ids. */
    async prune(days: number, by: string): Promise<readonly string[]> {
      const now = clock();
      const pruned: string[] = [];
      for (const runner of await runners.notSeenSince(new Date(now.getTime() - days * dayMs))) {
        const reason = `not seen for ${days} days`;
        const from = ['active', 'draining'] as const;
        if (!(await runners.change({ runner, from, to: 'disabled', reason, by, now }))) continue;
        await runners.retireAll(runner, reason, now);
        cut(runner);
        await runners.endLeases(runner);
        await events.changed({ runner, kind: 'disabled', text: `Disabled: ${reason}.` }, by);
        pruned.push(runner);
      }
      return pruned;
    },

    /** @throws RunnerEdgeError `no-such-runner`. */
    async remove(runner: string, by: string): Promise<void> {
      if (!(await runners.remove(runner))) {
        throw new RunnerEdgeError('no-such-runner', `there is no runner ${runner}`);
      }
      cut(runner);
      await runners.endLeases(runner);
      await events.changed({ runner, kind: 'removed', text: 'Taken out of the registry.' }, by);
    },
  };
}
