import { readFileSync } from 'node:fs';
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import { parseVkey } from '@airlock/common/ledger/note';
import { ConfigurationError } from '@airlock/process/config';

/** The ledger's verifier key, one line. @throws ConfigurationError that says where it comes from. */
export function readVerifierKey(file: string): string {
  let vkey: string;
  try {
    vkey = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown error';
    throw new ConfigurationError(
      'configuration-unreadable',
      `ledgerKeyFile: ${file}: ${why}; copy ledger.vkey there`,
      { cause },
    );
  }
  try {
    parseVkey(vkey);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw new ConfigurationError(
      'configuration-invalid',
      `ledgerKeyFile: ${file}: ${cause.message}; copy ledger.vkey there as set-up wrote it`,
      { cause },
    );
  }
  return vkey;
}
