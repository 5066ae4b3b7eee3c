/** For tests: logs in a directory of their own, as log-keeping.ts wires them, without its housework. */
import { createLogFiles, type LogFiles } from '../adapters/files/logs/log-files.ts';
import { createJobStore } from '../adapters/postgres/job-store.ts';
import { createLogPolicyStore } from '../adapters/postgres/log-policy-store.ts';
import { createJobMaskers } from '../app/job-maskers.ts';
import { createLogIntake } from '../app/log-intake.ts';
import type { LogKeeping } from '../log-keeping.ts';
import type { TestDatabase } from './database.ts';

export interface TestLogs extends LogKeeping {
  readonly files: LogFiles;
}

export function testLogs(database: TestDatabase, directory: string): TestLogs {
  const db = database.as('nonprod_web');
  const maskers = createJobMaskers();
  const files = createLogFiles({
    directory,
    maxJobBytes: 1_000_000,
    maskerOf: (attempt) => maskers.of(attempt),
    now: Date.now,
    onAccident: (_, error) => {
      throw error;
    },
  });
  return {
    files,
    intake: createLogIntake({
      jobs: createJobStore(db),
      logs: files,
      clock: () => performance.now(),
    }),
    maskers,
    reader: files,
    policies: createLogPolicyStore(db),
    close: (attempt) => files.close(attempt),
  };
}
