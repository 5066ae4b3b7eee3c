import { z } from 'zod';
import { Name } from '@airlock/common/wire/scalars';
import { isolationConfig } from '@airlock/build/isolation/config';
import { FilePath } from '@airlock/process/config';

export const RunnerConfig = z.strictObject({
  controlPlane: z
    .strictObject({
      url: z
        .url({ protocol: /^https$/ })
        .describe("Nonprod's runner API, such as https://127.0.0.1:26011; https only."),
      caFile: FilePath.describe(
        'Authorities of the runner edge, PEM; replaced when nonprod names others.',
      ),
      identityFile: FilePath.describe(
        "This runner's private key and certificate chain in one PEM file, mode 0600, as airlock-runner join wrote it; replaced by the agent at half of the certificate's life.",
      ),
      serverIdentity: z
        .string()
        .default('airlock:nonprod:runner-api')
        .describe("URI name in the server's certificate. Default airlock:nonprod:runner-api."),
    })
    .describe('Where jobs come from.'),
  pool: Name.describe('Pool whose jobs this runner asks for; nonprod decides whether it may.'),
  labels: z
    .array(Name)
    .max(64)
    .default([])
    .describe(
      'Words about this machine, such as its room or its kind, that stand on its page at nonprod. They choose no jobs: the pool does. Default none.',
    ),
  workDirectory: FilePath.describe(
    'Directory for the workspaces of jobs, made if absent. What a crash left in it is removed at start.',
  ),
  ...isolationConfig,
  attestation: z
    .strictObject({
      runner: Name.describe(
        'Name of this runner in what it signs, as the signer has it in its runners file.',
      ),
      keyFile: FilePath.describe(
        'Its own private key for run attestations, PEM (PKCS #8, Ed25519 or ECDSA P-256), mode 0600. Never the TLS key.',
      ),
    })
    .describe('What it signs about a build whose artifact it kept.'),
  image: z
    .strictObject({
      digest: z
        .string()
        .regex(/^sha256:[0-9a-f]{64}$/, 'expected sha256:<64 hex>')
        .describe(
          'Digest that `runner.image` in the log shows when the machine is as it shall be.',
        ),
    })
    .optional()
    .describe(
      'Pins the software of this machine: with another one installed the runner does not start. Left out: whatever is installed is attested, and target files at the gate decide.',
    ),
  budget: z
    .strictObject({
      builds: z.int().min(1).max(100_000).default(2_000).describe('Builds. Default 2000.'),
      minutes: z
        .int()
        .min(1)
        .max(1_440)
        .describe(
          'Minutes of all builds together (1-1440). To be said, as nobody else knows how much of a day is meant: 480 is a working day, 1440 bounds nothing.',
        ),
      repository: z
        .strictObject({
          builds: z.int().min(1).max(100_000).default(500).describe('Builds. Default 500.'),
          minutes: z
            .int()
            .min(1)
            .max(1_440)
            .optional()
            .describe('Minutes (1-1440). Default: all of `budget.minutes`.'),
        })
        .prefault({})
        .describe('Of each repository.'),
      file: FilePath.optional().describe(
        'Where the count is kept, out of reach of builds. Default: built-today.json beside identityFile.',
      ),
    })
    .describe(
      'What this runner gives away in one day (UTC) by its own count, whatever nonprod asks for, such as `{ minutes: 480 }`. Nonprod has budgets of its own, which are lower; these hold when somebody else speaks in its place.',
    ),
  pollSeconds: z
    .number()
    .min(0.05)
    .max(60)
    .default(1)
    .describe('Pause between two questions for work, in seconds (0.05-60). Default 1.'),
});
export type RunnerConfig = z.infer<typeof RunnerConfig>;
