/** Configuration of how much one repository or person may take. The descriptions are the manual. */
import { z } from 'zod';
import type { Admission, Quota } from './domain/quota.ts';

const runsAtOnce = z
  .int()
  .min(1)
  .max(100_000)
  .nullable()
  .describe(
    'Runs of one repository that are built or in line at once (1-100000); more wait and begin when there is room. null: no bound.',
  );
const queuedRuns = z
  .int()
  .min(1)
  .max(1_000_000)
  .describe('Runs of one repository that have not begun (1-1000000); more are not built.');
const storedMiB = z
  .int()
  .min(1)
  .max(1024 ** 3)
  .nullable()
  .describe(
    'What one repository stores in artifacts, logs and caches, in MiB (1-1073741824); beyond it nothing of it is built. null: no bound.',
  );

export const QuotaSettings = z
  .strictObject({
    runsAtOnce: runsAtOnce.default(null),
    queuedRuns: queuedRuns.default(2_000),
    storedMiB: storedMiB.default(null),
    runsAPersonAnHour: z
      .int()
      .min(1)
      .max(100_000)
      .nullable()
      .default(null)
      .describe(
        'Runs that one person begins in any 60 minutes, over all repositories (1-100000); more wait. People are known by their sign-in or their linked account, never by what a commit says. Default null: no bound.',
      ),
    queueDepth: z
      .int()
      .min(1)
      .max(10_000_000)
      .default(20_000)
      .describe(
        'Runs that wait here, of all repositories (1-10000000). Where there are more, repositories that have their equal share of the line are refused. Default 20000.',
      ),
    repositories: z
      .record(
        z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/),
        z.strictObject({
          runsAtOnce: runsAtOnce.optional(),
          queuedRuns: queuedRuns.optional(),
          storedMiB: storedMiB.optional(),
        }),
      )
      .default({})
      .describe('For single repositories, by name, in place of the values above.'),
  })
  .prefault({})
  .describe(
    'Quotas of repositories and people; daily budgets stand beside them. Defaults: 2000 queued runs a repository, 20000 in all.',
  );
export type QuotaSettings = z.infer<typeof QuotaSettings>;

export function quotaOf(settings: QuotaSettings, repository: string): Quota {
  const own = settings.repositories[repository] ?? {};
  const pick = <Value>(value: Value | undefined, standard: Value): Value =>
    value === undefined ? standard : value;
  const kept = pick(own.storedMiB, settings.storedMiB);
  return {
    runsAtOnce: pick(own.runsAtOnce, settings.runsAtOnce),
    queuedRuns: pick(own.queuedRuns, settings.queuedRuns),
    storedBytes: kept === null ? null : kept * 1024 ** 2,
  };
}

export const admissionOf = (settings: QuotaSettings, repository: string): Admission => ({
  runsAtOnce: quotaOf(settings, repository).runsAtOnce,
  runsAPersonAnHour: settings.runsAPersonAnHour,
});
