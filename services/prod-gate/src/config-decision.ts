/**
 * Configuration that authority and deliverer share. It names no Vault and no nonprod, so that a process that reads it can
 * reach neither.
 */
import { ArtifactsSettings } from '@airlock/artifacts/settings';
import { FilePath } from '@airlock/process/config';
import { DatabaseSettings } from '@airlock/process/settings';
import { z } from 'zod';
import { GateFilesSettings } from './adapters/files/gate-files.ts';
import { MirrorSettings } from './adapters/git/mirrors.ts';

/** Origin of the gate as people see it: in every approved document, and the only origin of passkeys. */
export const GateOrigin = z
  .string()
  .regex(/^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/, 'expected https://host[:port] without a path')
  .describe(
    "Origin of the gate's pages, such as https://gate.example. Part of every promotion document; the same in every process of the gate.",
  );

/** What a process decides by: the same for authority and deliverer, which decide independently of each other. */
export const decisionKeys = {
  database: DatabaseSettings,
  gate: GateOrigin,
  files: GateFilesSettings,
  ledgerKeyFile: FilePath.describe('ledger.vkey: the verifier key of the gate’s ledger, one line.'),
  artifacts: ArtifactsSettings,
  mirrors: z
    .array(MirrorSettings)
    .min(1)
    .describe("Intake's mirrors of the repositories, the same directories; only read here."),
};

export const loginSeconds = z
  .int()
  .min(5)
  .max(60)
  .default(20)
  .describe(
    'How long the login of one delivery is valid, in seconds (5–60). Default 20. The same in authority and deliverer.',
  );

export type DecisionConfig = {
  readonly [Key in keyof typeof decisionKeys]: z.infer<(typeof decisionKeys)[Key]>;
};
