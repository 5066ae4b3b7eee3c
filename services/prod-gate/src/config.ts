/** Configuration of intake and watchdog. Every description is the manual. */
import { FilePath } from '@airlock/process/config';
import { DatabaseSettings } from '@airlock/process/settings';
import { z } from 'zod';
import { GateFilesSettings } from './adapters/files/gate-files.ts';
import { MirrorSettings } from './adapters/git/mirrors.ts';
import { OutboxSettings } from './adapters/nonprod-outbox/client.ts';
import { ReaperIdentity } from './adapters/vault/reaper.ts';
import { VaultSettings } from './adapters/vault/settings.ts';

export const GateOrigin = z
  .string()
  .regex(/^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/, 'expected https://host[:port] without a path')
  .describe(
    "Origin of the gate's pages, such as https://gate.example. Part of every promotion document and the only origin of passkeys; the same in every process of the gate.",
  );

export const IntakeConfig = z.strictObject({
  database: DatabaseSettings.describe('The gate database, with the role gate_intake.'),
  gate: GateOrigin,
  files: GateFilesSettings,
  outbox: OutboxSettings.extend({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected lower-case letters, digits and -')
      .default('nonprod')
      .describe(
        'Name of this outbox in the database. Give a new one when nonprod begins a new chain. Default nonprod.',
      ),
  }),
  mirrors: z
    .array(MirrorSettings)
    .min(1)
    .describe('One mirror for every repository that a target file admits.'),
  artifactsDirectory: FilePath.describe("The gate's own store of bundles and artifacts by digest."),
  maxArtifactBytes: z
    .int()
    .min(1)
    .max(64 * 1024 ** 3)
    .default(1024 ** 3)
    .describe('Largest artifact that is taken, in bytes (1 to 64 GiB). Default 1 GiB.'),
  pollSeconds: z
    .number()
    .min(0.1)
    .max(300)
    .default(5)
    .describe('Pause between two polls of the outbox, in seconds (0.1 to 300). Default 5.'),
});
export type IntakeConfig = z.infer<typeof IntakeConfig>;

export const WatchdogConfig = z.strictObject({
  database: DatabaseSettings.describe('The gate database, with the role gate_watchdog.'),
  ledger: z.strictObject({
    origin: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9./_-]{0,127}$/, 'expected a name without spaces and +')
      .describe(
        'Origin line of checkpoints and name of the key, such as gate.example/ledger. Never changes: it names the log.',
      ),
    keyFile: FilePath.describe('Ed25519 private key (PKCS #8 PEM) that signs checkpoints, mode 0600.'),
  }),
  vault: VaultSettings.extend({
    identity: ReaperIdentity.describe('The revoke-only AppRole of the watchdog.'),
  }),
  staleSeconds: z
    .number()
    .min(2)
    .max(600)
    .default(10)
    .describe(
      'How long a running delivery may be silent before it counts as abandoned, in seconds (2 to 600). Its heartbeat comes every second. Default 10.',
    ),
});
export type WatchdogConfig = z.infer<typeof WatchdogConfig>;
