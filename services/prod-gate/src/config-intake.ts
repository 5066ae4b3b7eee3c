/** Configuration of intake. Every description is the manual. */
import { ArtifactsSettings } from '@airlock/artifacts/settings';
import { NotifySettings } from '@airlock/notify/settings';
import { FilePath } from '@airlock/process/config';
import { DatabaseSettings } from '@airlock/process/settings';
import { z } from 'zod';
import { GateFilesSettings } from './adapters/files/gate-files.ts';
import { MirrorSettings } from './adapters/git/mirrors.ts';
import { OutboxSettings } from './adapters/nonprod-outbox/client.ts';
import { GateOrigin } from './config.ts';

export const IntakeConfig = z.strictObject({
  database: DatabaseSettings.describe('The gate database, with the role gate_intake.'),
  gate: GateOrigin,
  files: GateFilesSettings,
  ledgerKeyFile: FilePath.describe('ledger.vkey: the verifier key of the gate’s ledger, one line.'),
  outbox: OutboxSettings.extend({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected lower-case letters, digits and -')
      .default('nonprod')
      .describe(
        'Name of this outbox in the database. Give a new one when nonprod begins a new chain. Default nonprod.',
      ),
  }),
  witnessKeyFile: FilePath.describe(
    'witness.vkey: the verifier key of nonprod’s witness, one line. Each checkpoint of the ledger is shown to it, and its cosignature kept.',
  ),
  mirrors: z
    .array(MirrorSettings)
    .min(1)
    .describe('One mirror for every repository that a target file admits.'),
  artifacts: ArtifactsSettings,
  maxArtifactBytes: z
    .int()
    .min(1)
    .max(64 * 1024 ** 3)
    .default(1024 ** 3)
    .describe('Largest artifact that is taken, in bytes (1 to 64 GiB). Default 1 GiB.'),
  maxStoreBytes: z
    .int()
    .min(1024 ** 2)
    .default(256 * 1024 ** 3)
    .describe(
      'Most that the artifact store may hold, in bytes (1 MiB and more). Beyond it nothing is taken, and deliveries go on. Default 256 GiB.',
    ),
  keepFreePercent: z
    .int()
    .min(1)
    .max(50)
    .default(10)
    .describe(
      'Share of the store’s disk that intake leaves free, in percent (1 to 50); without meaning for S3. Default 10.',
    ),
  pollSeconds: z
    .number()
    .min(0.1)
    .max(300)
    .default(5)
    .describe('Pause between two polls of the outbox, in seconds (0.1 to 300). Default 5.'),
  notify: NotifySettings.nullable()
    .default(null)
    .describe('How people are told what waits and how it ended. Default null: nobody is told.'),
});
export type IntakeConfig = z.infer<typeof IntakeConfig>;
