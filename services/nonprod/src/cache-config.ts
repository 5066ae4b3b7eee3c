import { z } from 'zod';
import { FilePath } from '@airlock/process/config';

export const CacheSettings = z
  .strictObject({
    directory: FilePath.describe(
      'Where directories that steps keep between runs lie, by digest; written by this process only. Not the directory of artifacts.',
    ),
    keepDays: z
      .int()
      .min(1)
      .max(365)
      .default(14)
      .describe('How long a cache stays that no run reads, in days (1-365). Default 14.'),
    maxRepositoryBytes: z
      .int()
      .min(1_000_000)
      .max(10_000_000_000_000)
      .default(10 * 1024 ** 3)
      .describe(
        'What the caches of one repository may have together, in bytes; looked at every minute, what strangers wrote goes first. Default 10 GiB.',
      ),
  })
  .nullable()
  .default(null)
  .describe('Caches of builds. Default null: none are kept, and every step begins without.');
export type CacheSettings = z.infer<typeof CacheSettings>;
