/** Configuration of the watchdog: the only one beside the deliverer's that names Vault. */
import { FilePath } from '@airlock/process/config';
import { DatabaseSettings } from '@airlock/process/settings';
import { z } from 'zod';
import { ReaperIdentity } from './adapters/vault/reaper-identity.ts';
import { VaultSettings } from './adapters/vault/settings.ts';

export const WatchdogConfig = z.strictObject({
  database: DatabaseSettings.describe('The gate database, with the role gate_watchdog.'),
  ledger: z.strictObject({
    origin: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9./_-]{0,127}$/, 'expected a name without spaces and +')
      .describe(
        'Origin line of checkpoints and name of the key, such as gate.example/ledger. Never changes: it names the log.',
      ),
    keyFile: FilePath.describe(
      'Ed25519 private key (PKCS #8 PEM) that signs checkpoints, mode 0600.',
    ),
  }),
  vault: VaultSettings.extend({
    identity: ReaperIdentity.describe(
      'How the watchdog logs in, to revoke and to list and nothing else: kind approle or cert.',
    ),
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
