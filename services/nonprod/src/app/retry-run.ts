import { lookAtOne } from '../bells.ts';
import { keepingRefusal, retryRefusal } from '../domain/run-life.ts';
import type { RetryStore } from './cancel-ports.ts';
import type { Bell, NewId } from './ports.ts';

export type RetryAnswer =
  | { readonly kind: 'asked'; readonly id: string; readonly commit: string }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'refused'; readonly reason: string };

export interface RetryOptions {
  /** Keep what passed, where the files say the same as they did. */
  readonly onlyFailed: boolean;
}

/**
 * Asks for a run of the same commit and ref. It goes the way of every run that is asked for: its files, its trust and its
 * place are decided anew, and nothing of the old run but what it was of is kept, and, where that was asked for, what passed.
 */
export function createRetryRun(ports: {
  readonly runs: RetryStore;
  readonly bell: Bell;
  readonly newId: NewId;
}): (runId: string, person: string, options: RetryOptions) => Promise<RetryAnswer> {
  return async (runId, person, { onlyFailed }) => {
    const run = await ports.runs.find(runId);
    if (run === null) return { kind: 'not-found' };
    const reason = retryRefusal(run) ?? (onlyFailed ? keepingRefusal(run) : null);
    if (reason !== null) return { kind: 'refused', reason };
    const id = ports.newId('run');
    if (!(await ports.runs.ask(run, { id, person, onlyFailed }))) {
      return { kind: 'refused', reason: 'Somebody asked for it once more just now.' };
    }
    ports.bell.ring(`${lookAtOne}${run.repository}`);
    return { kind: 'asked', id, commit: run.commit };
  };
}
