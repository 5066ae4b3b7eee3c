/**
 * Whether the files on disk may be decided by. That administrators signed them was verified when they were read; the ledger
 * says that they are the newest of all that were in force.
 */
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import { succession } from '@airlock/common/trust/configuration-manifest';
import type { LedgerFacts } from '../domain/ledger-facts.ts';
import type { ConfigurationFault } from '../domain/verdict.ts';
import type { SignedConfiguration } from './configuration-ports.ts';
import type { LedgerProofs } from './prove-entry.ts';

export type ConfigurationProof = (
  configuration: Pick<SignedConfiguration, 'serial' | 'digest' | 'previous'>,
) => Promise<ConfigurationFault | null>;

/**
 * The whole ledger is asked and no index of it: whoever owns Postgres could hide the newest configuration there. A ledger that
 * cannot be proven is a fault of the ledger, which the verdict has its own reason for: then what was proven before counts.
 */
export function createConfigurationProof(proofs: Pick<LedgerProofs, 'facts'>): ConfigurationProof {
  let facts: LedgerFacts | null = null;
  return async (configuration) => {
    try {
      facts = await proofs.facts();
    } catch (cause) {
      if (!(cause instanceof LedgerError)) throw cause;
    }
    const { serial, digest } = configuration;
    const detail = succession(configuration, facts?.newestConfiguration() ?? null);
    if (detail !== null) return { code: 'E_CONFIGURATION_ROLLBACK', serial, detail };
    return facts?.wasInForce(digest) === true
      ? null
      : { code: 'E_CONFIGURATION_UNRECORDED', serial };
  };
}
