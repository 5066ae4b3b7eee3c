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

/** Variables that would weaken the connection behind the configuration's back; what each would do. */
const refusedVariables: Readonly<Record<string, string>> = {
  VAULT_SKIP_VERIFY: 'turns certificate checks off, whatever its value',
  VAULT_TOKEN: 'is a standing token, and the gate has none',
  VAULT_NAMESPACE: 'sends requests to another namespace',
  VAULT_PREFIX: 'sends requests to another path',
  HTTP_PROXY: 'shows tokens to the proxy',
  HTTPS_PROXY: 'shows tokens to the proxy',
  ALL_PROXY: 'shows tokens to the proxy',
  NODE_USE_ENV_PROXY: 'shows tokens to the proxy',
  NODE_DEBUG: 'prints headers, and with them tokens',
  NODE_TLS_REJECT_UNAUTHORIZED: 'turns certificate checks off',
};

/**
 * Refuses an environment in which talking to Vault would be unsafe. Call it before anything is sent.
 *
 * @throws ConfigurationError `configuration-refused` that names every variable to unset.
 */
export function assertSafeEnvironment(environment: NodeJS.ProcessEnv): void {
  const faults = Object.entries(environment)
    .filter(([, value]) => value !== undefined && value !== '')
    .flatMap(([name, value]) => {
      const reason = refusedVariables[name.toUpperCase()];
      if (reason !== undefined) return [`${name} ${reason}`];
      return name === 'DEBUG' && /\*|node-vault/.test(value ?? '')
        ? ['DEBUG prints what is written to Vault']
        : [];
    });
  if (faults.length === 0) return;
  throw new ConfigurationError(
    'configuration-refused',
    `the environment makes talking to Vault unsafe: ${faults.join('; ')}; unset it for this process`,
  );
}

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
