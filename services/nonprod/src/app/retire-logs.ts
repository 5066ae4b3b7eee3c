import type { Events } from '../events.ts';
import type { LogPolicyStore } from './log-ports.ts';

const jobsAtOnce = 500;
const dayMs = 86_400_000;

/**
 * Deletes logs whose time is over: the bytes first, then a row says so. Runs under a hold are passed over.
 *
 * @returns how many jobs' logs were deleted.
 */
export async function retireLogs(
  ports: {
    readonly files: {
      jobs(): Promise<readonly string[]>;
      remove(jobId: string): Promise<number>;
    };
    readonly policies: Pick<LogPolicyStore, 'expired' | 'recordDeletion'>;
    readonly events: Pick<Events, 'logsDeleted'>;
  },
  rules: {
    readonly mainRef: string;
    readonly keepDays: { readonly main: number; readonly other: number };
    readonly now: Date;
  },
): Promise<number> {
  const { files, policies, events } = ports;
  const before = (days: number): Date => new Date(rules.now.getTime() - days * dayMs);
  const limits = {
    mainRef: rules.mainRef,
    mainBefore: before(rules.keepDays.main),
    otherBefore: before(rules.keepDays.other),
  };
  const jobs = await files.jobs();
  let count = 0;
  for (let at = 0; at < jobs.length; at += jobsAtOnce) {
    for (const jobId of await policies.expired(jobs.slice(at, at + jobsAtOnce), limits)) {
      const bytes = await files.remove(jobId);
      await policies.recordDeletion(jobId, bytes);
      events.logsDeleted(jobId, bytes);
      count += 1;
    }
  }
  return count;
}
