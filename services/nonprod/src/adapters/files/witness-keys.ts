import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import { parseVkey, type NoteSigner, type NoteVerifier } from '@airlock/common/ledger/note';
import { ConfigurationError } from '@airlock/process/config';
import type { OutboxConfig } from '../../config.ts';

/** @throws ConfigurationError that says which file is wrong and what belongs there. */
export function readWitnessKeys(witness: OutboxConfig['witness']): {
  readonly signer: NoteSigner;
  readonly log: NoteVerifier;
} {
  return {
    signer: { name: witness.name, privateKey: readSigningKey(witness.keyFile) },
    log: readLogKey(witness.ledgerKeyFile),
  };
}

function readSigningKey(file: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(file));
  } catch (cause) {
    throw new ConfigurationError(
      'configuration-unreadable',
      `witness.keyFile: ${file} is not a readable private key (PKCS #8 PEM); make it with: openssl genpkey -algorithm ed25519`,
      { cause },
    );
  }
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new ConfigurationError(
    'configuration-invalid',
    `witness.keyFile: ${file} holds a key of type ${key.asymmetricKeyType ?? 'unknown'}; cosignatures are made with Ed25519`,
  );
}

function readLogKey(file: string): NoteVerifier {
  try {
    return parseVkey(readFileSync(file, 'utf8').trim());
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown error';
    throw new ConfigurationError(
      cause instanceof LedgerError ? 'configuration-invalid' : 'configuration-unreadable',
      `witness.ledgerKeyFile: ${file}: ${why}; copy the gate's ledger.vkey there`,
      { cause },
    );
  }
}
