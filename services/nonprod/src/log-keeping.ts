/** Wires the logs of builds; the web process alone writes and reads them. */
import { startLoop } from '@airlock/process/loop';
import type { Runtime } from '@airlock/process/main';
import { createLogFiles } from './adapters/files/logs/log-files.ts';
import type { Database } from './adapters/postgres/client.ts';
import { createLogPolicyStore } from './adapters/postgres/log-policy-store.ts';
import { createJobMaskers, type JobMaskers } from './app/job-maskers.ts';
import { createLogIntake, type LogIntake } from './app/log-intake.ts';
import type { LogPolicyStore, LogReader, LogWriter } from './app/log-ports.ts';
import type { JobStore } from './app/ports.ts';
import { retireLogs } from './app/retire-logs.ts';
import type { LogSettings } from './config-logs.ts';
import { leaseHolds } from './domain/job-lease.ts';
import type { Events } from './events.ts';

const houseworkMs = 60_000;

export interface LogKeeping {
  readonly intake: LogIntake;
  /** Values that are handed to a job are added here, before they leave. */
  readonly maskers: JobMaskers;
  readonly reader: LogReader;
  readonly policies: LogPolicyStore;
  readonly close: LogWriter['close'];
}

export function keepLogs(options: {
  readonly settings: LogSettings;
  readonly mainBranch: string;
  readonly db: Database;
  readonly jobs: Pick<JobStore, 'startStep' | 'facts'>;
  readonly runtime: Runtime;
  readonly events: Events;
}): LogKeeping {
  const { settings, db, jobs, runtime, events } = options;
  const maskers = createJobMaskers();
  const files = createLogFiles({
    ...settings,
    maskerOf: (attempt) => maskers.of(attempt),
    now: Date.now,
    onAccident: ({ jobId, step }, error) => {
      events.logNotPacked(jobId, step, error);
    },
  });
  const policies = createLogPolicyStore(db);
  const close: LogWriter['close'] = async (attempt) => {
    await files.close(attempt);
    maskers.forget(attempt);
    let bytes = 0;
    for (const name of await files.list(attempt.jobId))
      bytes += (await files.size(name))?.bytes ?? 0;
    await policies.recordKept(attempt.jobId, bytes);
  };
  const housework = startLoop({
    name: 'keep-logs',
    intervalMs: houseworkMs,
    signal: runtime.signal,
    log: runtime.log,
    async run() {
      for (const attempt of files.attempts()) {
        const job = await jobs.facts(attempt.jobId);
        const runner = job?.runner ?? '';
        if (job === null || !leaseHolds(job, { ...attempt, runner })) await close(attempt);
      }
      await retireLogs(
        { files, policies, events },
        {
          mainRef: `refs/heads/${options.mainBranch}`,
          keepDays: settings.keepDays,
          now: new Date(),
        },
      );
    },
  });
  runtime.onClose(async () => {
    await housework.done;
    await files.end();
  });
  const intake = createLogIntake({ jobs, logs: files, clock: () => performance.now() });
  return { intake, maskers, reader: files, policies, close };
}
