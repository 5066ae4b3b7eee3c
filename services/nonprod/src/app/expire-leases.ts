import type { Events } from '../events.ts';
import type { Bell, LeaseSweeper } from './ports.ts';

/** Takes jobs away from runners that stopped answering; the fencing number keeps them from writing later. */
export function createExpireLeases(ports: {
  readonly leases: LeaseSweeper;
  readonly jobs: Bell;
  readonly events: Events;
}): () => Promise<void> {
  return async () => {
    for (const job of await ports.leases.sweep()) {
      ports.events.jobLost(job);
      if (job.outcome === 'requeued') ports.jobs.ring(job.jobId);
    }
  };
}
