import type { Events } from '../events.ts';
import type { Bell, HeldRunStore } from './ports.ts';

/** A developer lets a held pull request be built; false when it does not wait (any more). */
export function createStartHeldRun(ports: {
  readonly runs: HeldRunStore;
  readonly bell: Bell;
  readonly events: Events;
}): (runId: string, person: string) => Promise<boolean> {
  return async (runId, person) => {
    const started = await ports.runs.start(runId);
    if (started) {
      ports.events.heldRunStarted({ id: runId }, person);
      ports.bell.ring(runId);
    }
    return started;
  };
}
