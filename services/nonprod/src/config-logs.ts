import { z } from 'zod';
import { FilePath } from '@airlock/process/config';

const Days = z.int().min(1).max(36_500);

export const LogSettings = z
  .strictObject({
    directory: FilePath.describe(
      'Where logs of builds are kept, written by this process only. 100 MB of log become some 25 MB.',
    ),
    maxJobBytes: z
      .int()
      .min(1_000_000)
      .max(10_000_000_000)
      .default(128 * 1024 ** 2)
      .describe('What is kept of the logs of one job, in bytes. Default 128 MiB.'),
    keepDays: z
      .strictObject({
        main: Days.default(365).describe('Of runs of the main branch. Default 365.'),
        other: Days.default(90).describe('Of every other run. Default 90.'),
      })
      .default({ main: 365, other: 90 })
      .describe('How long logs are kept after their run ended, in days (1-36500).'),
  })
  .describe('Logs of builds.');
export type LogSettings = z.infer<typeof LogSettings>;
