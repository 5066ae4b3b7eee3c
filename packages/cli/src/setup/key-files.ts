/** Keys as files: PEM, P-256 or Ed25519. Every refusal names the file and what to do. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import {
  algorithmOf,
  importPublicKey,
  keyIdOf,
  TrustError,
  type TrustRow,
} from '@airlock/common/trust/signer';
import { CliError, exitCode } from '../exit-codes.ts';
import { createSigningKey, type NewSigningKey } from './signing-keys.ts';

/** Makes a key pair: `file` with the private half and mode 0600, `<file without .pem>.pub.pem` with the public one. */
export function writeKeyPair(
  file: string,
  alg: TrustRow['alg'],
): { readonly publicFile: string; readonly key: NewSigningKey } {
  const publicFile = `${file.replace(/\.pem$/, '')}.pub.pem`;
  for (const path of [file, publicFile]) {
    if (existsSync(path)) {
      throw new CliError(exitCode.conflict, `${path} is there already; name another file`);
    }
  }
  const key = createSigningKey(alg);
  writeNew(file, key.privateKeyPem, 0o600);
  writeNew(publicFile, key.publicKeyPem);
  return { publicFile, key };
}

/**
 * Writes a file that must not be there yet.
 *
 * @throws CliError that names the file and asks for another place.
 */
export function writeNew(file: string, text: string, mode = 0o666): void {
  try {
    writeFileSync(file, text, { mode, flag: 'wx' });
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') {
      throw new CliError(exitCode.conflict, `${file} is there already; name another file`, {
        cause,
      });
    }
    throw new CliError(
      exitCode.usage,
      `${file} cannot be written; name a file in a directory that is there and is yours`,
      { cause },
    );
  }
}

export function readPublicKey(file: string): Pick<NewSigningKey, 'keyid' | 'publicKeyPem' | 'alg'> {
  const text = readGiven(file);
  try {
    const key = importPublicKey(text);
    const alg = algorithmOf(key);
    if (alg === null) throw new TrustError('E_TRUST_STORE', 'neither ECDSA P-256 nor Ed25519');
    const publicKeyPem = key.export({ type: 'spki', format: 'pem' }).toString();
    return { keyid: keyIdOf(key), publicKeyPem, alg };
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause;
    const what = `${file}: ${cause.message}; give the .pub.pem that airlock keygen wrote`;
    throw new CliError(exitCode.usage, what, { cause });
  }
}

function readGiven(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CliError(exitCode.usage, `${file} cannot be read; name an existing file`, { cause });
  }
}
