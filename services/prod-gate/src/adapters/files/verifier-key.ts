import { readFileSync } from 'node:fs';
import { parseWitnessVkey } from '@airlock/common/ledger/cosignature';
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import { parseVkey, type NoteVerifier } from '@airlock/common/ledger/note';
import { ConfigurationError } from '@airlock/process/config';

/** The ledger's verifier key, one line. @throws ConfigurationError that says where it comes from. */
export function readVerifierKey(file: string): string {
  return readKey({ setting: 'ledgerKeyFile', file, name: 'ledger.vkey' }, (vkey) => {
    parseVkey(vkey);
    return vkey;
  });
}

/** The verifier key of nonprod's witness. @throws ConfigurationError that says where it comes from. */
export function readWitnessKey(file: string): NoteVerifier {
  return readKey({ setting: 'witnessKeyFile', file, name: 'witness.vkey' }, parseWitnessVkey);
}

function readKey<Key>(
  from: { setting: string; file: string; name: string },
  parse: (vkey: string) => Key,
): Key {
  const { setting, file, name } = from;
  let vkey: string;
  try {
    vkey = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown error';
    throw new ConfigurationError(
      'configuration-unreadable',
      `${setting}: ${file}: ${why}; copy ${name} there`,
      { cause },
    );
  }
  try {
    return parse(vkey);
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
    throw new ConfigurationError(
      'configuration-invalid',
      `${setting}: ${file}: ${cause.message}; copy ${name} there as set-up wrote it`,
      { cause },
    );
  }
}
