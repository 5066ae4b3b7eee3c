/** What is known of a workflow's steps while they run. */
import type { JobStep } from '@airlock/common/wire/runner-protocol';
import type { CommandEnd } from './run-step.ts';
import { nextSteps, type Next, type StepState } from './schedule.ts';

export type Progress = {
  /** Steps to start now, at most so many; those that never will are skipped. They count as running from now on. */
  startable(atMost: number): { step: JobStep; after: Next['start'][number]['after'] }[];
  /** A step that somebody waited for has ended. */
  ended(end: CommandEnd): void;
  /** Given when a step failed whose failure cancels the rest. */
  readonly stopped: AbortSignal;
  ends(): readonly CommandEnd[];
};

/** @param onFailure told of every failure that counts, one sentence, as it happens. */
export function createProgress(
  steps: readonly JobStep[],
  onFailure: (reason: string) => void,
): Progress {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const states = new Map<string, StepState>();
  const ends: CommandEnd[] = [];
  const stopping = new AbortController();
  return {
    startable(atMost) {
      const { start, skip } = nextSteps(steps, states);
      for (const name of skip) states.set(name, 'skipped');
      return start.slice(0, Math.max(0, atMost)).flatMap(({ name, after }) => {
        const step = byName.get(name);
        if (step === undefined) return [];
        states.set(name, step.detach ? 'started' : 'running');
        return [{ step, after }];
      });
    },
    ended(end) {
      ends.push(end);
      const { name, outcome } = end.report;
      const failure = byName.get(name)?.failure;
      const counts = outcome !== 'passed' && failure !== 'ignore';
      states.set(name, counts ? 'failed' : 'passed');
      if (!counts) return;
      if (end.reason !== null) onFailure(end.reason);
      if (failure === 'cancel') stopping.abort();
    },
    stopped: stopping.signal,
    ends: () => ends,
  };
}
