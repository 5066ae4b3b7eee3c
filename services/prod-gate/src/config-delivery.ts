/** Configuration of the authority and the deliverer. The descriptions are the manual. */
import { FilePath } from '@airlock/process/config';
import { DatabaseSettings, RedisSettings } from '@airlock/process/settings';
import { z } from 'zod';
import { GateFilesSettings } from './adapters/files/gate-files.ts';
import { MirrorSettings } from './adapters/git/mirrors.ts';
import { VaultSettings } from './adapters/vault/settings.ts';
import { GateOrigin } from './config.ts';

/** What a process decides by: the same for authority and deliverer, which decide independently of each other. */
const decisionKeys = {
  database: DatabaseSettings,
  gate: GateOrigin,
  files: GateFilesSettings,
  ledgerKeyFile: FilePath.describe('ledger.vkey: the verifier key of the gate’s ledger, one line.'),
  artifactsDirectory: FilePath.describe('The gate’s own artifact store, filled by intake.'),
  mirrors: z
    .array(MirrorSettings)
    .min(1)
    .describe("Intake's mirrors of the repositories, the same directories; only read here."),
};

const loginSeconds = z
  .int()
  .min(5)
  .max(60)
  .default(20)
  .describe(
    'How long the login of one delivery is valid, in seconds (5–60). Default 20. The same in authority and deliverer.',
  );

export const AuthorityConfig = z.strictObject({
  ...decisionKeys,
  socketPath: FilePath.describe('Unix socket that the deliverer asks at; at most 107 bytes long.'),
  socketMode: z
    .enum(['0600', '0660'])
    .default('0600')
    .describe(
      'Mode of that socket: 0600 where authority and deliverer are one user (the demo), 0660 where they are two of one group. Default 0600.',
    ),
  keyFile: FilePath.describe(
    'The P-256 private key (PEM, PKCS#8, mode 0600) whose public half every JWT mount in Vault knows.',
  ),
  issuer: z
    .string()
    .min(1)
    .max(256)
    .describe('`iss` of every login, the same as bound_issuer of the JWT mounts in Vault.'),
  loginSeconds,
});
export type AuthorityConfig = z.infer<typeof AuthorityConfig>;

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
export type DecisionConfig = Pick<AuthorityConfig, keyof typeof decisionKeys>;
