import { readFileSync } from 'node:fs';
import { ConfigurationError, FilePath } from '@airlock/process/config';
import { z } from 'zod';

export const VaultSettings = z.strictObject({
  address: z
    .string()
    .regex(/^https?:\/\/[^/?#@\s]+$/, 'expected https://host:port without a path')
    .describe(
      'Where Vault or OpenBao is, as https://host:port. http:// only on 127.0.0.1 or [::1]. Talk to the active node: redirects are not followed.',
    ),
  caFile: FilePath.optional().describe(
    'PEM file with the only certificate authority that Vault’s certificate may come from. Required with https.',
  ),
  requestTimeoutSeconds: z
    .int()
    .min(1)
    .max(60)
    .default(5)
    .describe('How long one request to Vault may take, in seconds (1–60). Default 5.'),
});
export type VaultSettings = z.infer<typeof VaultSettings>;

/**
 * Null for plain http on this machine, else the pinned certificate authority.
 *
 * @throws ConfigurationError for http to another machine, https without caFile, or an unreadable caFile.
 */
export function readPinnedAuthority(settings: VaultSettings): string | null {
  const { protocol, hostname } = new URL(settings.address);
  if (protocol === 'http:') {
    if (hostname === '127.0.0.1' || hostname === '[::1]') return null;
    throw new ConfigurationError(
      'configuration-refused',
      `vault.address: http to ${hostname} would show tokens to the network; use https and caFile`,
    );
  }
  if (settings.caFile === undefined) {
    throw new ConfigurationError(
      'configuration-invalid',
      'vault.caFile is missing; name the PEM file of the authority that signed Vault’s certificate',
    );
  }
  try {
    return readFileSync(settings.caFile, 'utf8');
  } catch (cause) {
    throw new ConfigurationError(
      'configuration-unreadable',
      `vault.caFile: cannot read ${settings.caFile}; create it, readable by the user this process runs as`,
      { cause },
    );
  }
}
