/** Private keys that the authority signs with. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { ConfigurationError } from '@airlock/process/config';

/**
 * @param file PEM file (PKCS#8) with a P-256 key, readable by its owner alone.
 * @param setting its key in the configuration, for the message.
 * @throws ConfigurationError `configuration-unreadable` when it is missing, readable by others, or another kind of key.
 */
export function readSigningKey(file: string, setting: string): KeyObject {
  const refuse = (what: string, cause?: unknown): ConfigurationError =>
    new ConfigurationError('configuration-unreadable', `${setting}: ${file}: ${what}`, { cause });
  let key: KeyObject;
  try {
    if ((statSync(file).mode & 0o077) !== 0) {
      throw refuse(`others than its owner may read it; run: chmod 600 ${file}`);
    }
    key = createPrivateKey(readFileSync(file));
  } catch (cause) {
    if (cause instanceof ConfigurationError) throw cause;
    const why = cause instanceof Error ? cause.message : 'not readable';
    throw refuse(
      `not a private key in PEM form (${why}); make one with: airlock keygen FILE`,
      cause,
    );
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw refuse('a P-256 key is expected (ES256)');
  }
  return key;
}
