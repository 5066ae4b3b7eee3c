/** Configuration of the deliverer. The descriptions are the manual. */
import { FilePath } from '@airlock/process/config';
import { RedisSettings } from '@airlock/process/settings';
import { z } from 'zod';
import { VaultSettings } from './adapters/vault/settings.ts';
import { decisionKeys, loginSeconds } from './config-decision.ts';

export const DelivererConfig = z.strictObject({
  ...decisionKeys,
  redis: RedisSettings,
  authority: z
    .strictObject({ socketPath: FilePath.describe('Unix socket of the authority.') })
    .describe('Where the login of a delivery is asked for.'),
  vault: VaultSettings,
  hooks: z
    .strictObject({
      workDirectory: FilePath.describe(
        'Private copies of hook and artifact live here while a hook runs; of this process alone, needs the room of one artifact a delivery.',
      ),
      isolation: z
        .enum(['bubblewrap', 'none'])
        .default('bubblewrap')
        .describe(
          'bubblewrap: every hook in a sandbox. none: hooks run as this user with everything it may do, by nodeBinary; refused unless AIRLOCK_DEMO=1 is in the environment. Default bubblewrap.',
        ),
      nodeBinary: FilePath.optional().describe(
        'Node that hooks find at /opt/node/bin/node. Default: the one that runs this process.',
      ),
    })
    .describe('How hooks are run.'),
  loginSeconds,
  sweepSeconds: z
    .number()
    .min(0.2)
    .max(60)
    .default(1)
    .describe(
      'How often waiting promotions are looked at without a ring, in seconds (0.2–60). Default 1.',
    ),
  staleSeconds: z
    .int()
    .min(3)
    .max(120)
    .default(10)
    .describe(
      'After how long without a sign of life the watchdog takes a delivery over, in seconds (3–120). Default 10. The same as the watchdog’s.',
    ),
  intentSeconds: z
    .int()
    .min(1)
    .max(60)
    .default(15)
    .describe(
      'How long the ledger may take to publish the intent of a delivery, in seconds (1–60). Default 15.',
    ),
  cleanSeconds: z
    .int()
    .min(1)
    .max(300)
    .default(60)
    .describe(
      'How long the proof of a revocation is awaited, in seconds (1–300). Default 60. After it the target stays held.',
    ),
});
export type DelivererConfig = z.infer<typeof DelivererConfig>;
