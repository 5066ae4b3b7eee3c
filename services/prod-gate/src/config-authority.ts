/** Configuration of the authority. The descriptions are the manual. */
import { FilePath } from '@airlock/process/config';
import { z } from 'zod';
import { decisionKeys, loginSeconds } from './config-decision.ts';

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
  attestationKeyFile: FilePath.describe(
    'The P-256 private key (PEM, PKCS#8, mode 0600) that signs verification summaries and delivery statements; another one than keyFile. Its public half is what auditors pin.',
  ),
  issuer: z
    .string()
    .min(1)
    .max(256)
    .describe('`iss` of every login, the same as bound_issuer of the JWT mounts in Vault.'),
  loginSeconds,
});
export type AuthorityConfig = z.infer<typeof AuthorityConfig>;
