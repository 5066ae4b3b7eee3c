import type { Events } from '../events.ts';
import { isFinished, type RunState } from '../domain/run.ts';
import type { Bell } from './ports.ts';
import type { Canceller, CancelStore } from './cancel-ports.ts';

export type CancelAnswer =
  | { readonly kind: 'cancelled'; readonly state: RunState }
  | { readonly kind: 'not-found' }
  | { readonly kind: 'refused'; readonly reason: string };

/** Ends a run that has not ended. `state` is `running` while a runner has a part of it: it is told with its next heartbeat. */
export function createCancelRun(ports: {
  readonly runs: CancelStore;
  /** Looks at runs that have ended. */
  readonly bell: Bell;
  readonly events: Pick<Events, 'runCancelled' | 'runFinished'>;
}): (runId: string, person: Canceller) => Promise<CancelAnswer> {
  const { runs, bell, events } = ports;
  return async (runId, person) => {
    const result = await runs.cancel(runId, person);
    if (result === null) return { kind: 'not-found' };
    const { was, again, now } = result;
    if (isFinished(was)) {
      return {
        kind: 'refused',
        reason: `The run has ended: it ${was === 'cancelled' ? 'was cancelled' : was}.`,
      };
    }
    // Whoever asks twice wants the same.
    if (again) return { kind: 'cancelled', state: now };
    events.runCancelled({ id: runId, was }, person.id);
    if (isFinished(now)) {
      events.runFinished({ id: runId, outcome: 'cancelled' });
      bell.ring(runId);
    }
    return { kind: 'cancelled', state: now };
  };
}
