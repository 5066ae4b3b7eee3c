import { VaultError, type VaultReadiness } from '../../app/vault-ports.ts';
import type { VaultClient } from './client.ts';
import { VaultHttpError } from './errors.ts';

/** What sys/health says by its status where it is not 200; it gives no reasons in words. */
const reasonOf: Readonly<Record<number, string>> = {
  429: 'Vault at this address is a standby; vault.address has to name the active node',
  472: 'Vault at this address is a disaster recovery secondary',
  473: 'Vault at this address is a performance standby; vault.address has to name the active node',
  501: 'Vault is not initialised',
  503: 'Vault is sealed',
};

/**
 * Asks Vault's health, which needs no token and counts against no quota.
 *
 * @param client without a token.
 * @throws VaultError `vault-is-double`.
 */
export async function askReadiness(
  client: Pick<VaultClient, 'read'>,
  signal: AbortSignal | undefined,
): Promise<VaultReadiness> {
  try {
    await client.read('sys/health', { signal });
    return { ready: true };
  } catch (error) {
    if (!(error instanceof VaultError) || error.code === 'vault-is-double') throw error;
    const known = error instanceof VaultHttpError ? reasonOf[error.status] : undefined;
    return {
      ready: false,
      reason: known ?? error.message,
      retryAfterSeconds: error.retryAfterSeconds,
    };
  }
}
