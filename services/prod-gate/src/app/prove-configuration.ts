/**
 * Whether the files on disk may be decided by. That administrators signed them was verified when they were read; the ledger
 * says that they are the newest of all that were in force.
 */
import { parseLedgerEntry } from '@airlock/common/ledger/entry';
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import { succession, type KnownManifest } from '@airlock/common/trust/configuration-manifest';
import type { ConfigurationFault } from '../domain/verdict.ts';
import type { SignedConfiguration } from './ports.ts';
import type { LedgerProofs } from './prove-entry.ts';

export type ConfigurationProof = (
  configuration: Pick<SignedConfiguration, 'serial' | 'digest' | 'previous'>,
) => Promise<ConfigurationFault | null>;

/**
 * Proves every `configuration.changed` entry once and remembers the newest, so that a later question costs a look for new ones.
 * A ledger that cannot be proven is a fault of the ledger, which the verdict has its own reason for: then nothing is in force.
 */
export function createConfigurationProof(proofs: Pick<LedgerProofs, 'ofType'>): ConfigurationProof {
  let newest: KnownManifest | null = null;
  const recorded = new Set<string>();
  let next = 0;

  async function catchUp(): Promise<void> {
    for (const { index, body } of await proofs.ofType('configuration.changed', next)) {
      const { subjectDigest: digest, refs } = parseLedgerEntry(body);
      const serial = Number(refs['serial']);
      recorded.add(digest);
      // An entry of a lower number than one before it brings nothing back.
      if (newest === null || serial > newest.serial) newest = { serial, digest };
      next = Math.max(next, index + 1);
    }
  }

  return async (configuration) => {
    try {
      await catchUp();
    } catch (cause) {
      if (!(cause instanceof LedgerError)) throw cause;
    }
    const { serial } = configuration;
    const detail = succession(configuration, newest);
    if (detail !== null) return { code: 'E_CONFIGURATION_ROLLBACK', serial, detail };
    return recorded.has(configuration.digest)
      ? null
      : { code: 'E_CONFIGURATION_UNRECORDED', serial };
  };
}
