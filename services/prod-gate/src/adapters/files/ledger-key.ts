import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfigurationError } from '@airlock/process/config';

/** @throws ConfigurationError when the file is not one Ed25519 private key. */
export function readLedgerKey(file: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(file));
  } catch (cause) {
    throw new ConfigurationError(
      'configuration-unreadable',
      `ledger.keyFile: ${file} is not a readable private key (PKCS #8 PEM); airlock's set-up makes it`,
      { cause },
    );
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new ConfigurationError(
      'configuration-invalid',
      `ledger.keyFile: ${file} holds a key of type ${key.asymmetricKeyType ?? 'unknown'}; checkpoints are signed with Ed25519`,
    );
  }
  return key;
}
