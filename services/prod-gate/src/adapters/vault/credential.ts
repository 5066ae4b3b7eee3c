import { readPathOf, type CredentialRead } from '@airlock/common/policy/target-credentials';
import type { Credential } from '../../app/vault-ports.ts';
import type { VaultClient } from './client.ts';
import type { Ask } from './credentials/ask.ts';
import { readAws } from './credentials/aws.ts';
import { readDatabase } from './credentials/database.ts';
import { readKv } from './credentials/kv.ts';
import { readPki } from './credentials/pki.ts';
import { readSsh } from './credentials/ssh.ts';

/**
 * Asks for one fresh credential. Not repeated on failure: an unanswered request may have made one.
 *
 * @param options.tokenSeconds life of the token; the longest that is asked for where the target file names no other.
 */
export function readCredential(
  client: VaultClient,
  read: CredentialRead,
  options: { tokenSeconds: number; now: () => Date; signal?: AbortSignal | undefined },
): Promise<Credential> {
  const ask: Ask = {
    client,
    path: readPathOf(read),
    lifeSeconds: 'life' in read ? (read.life ?? options.tokenSeconds) : options.tokenSeconds,
    now: options.now,
    signal: options.signal,
  };
  switch (read.kind) {
    case 'database':
      return readDatabase(read.as, ask);
    case 'aws':
      return readAws(read.as, ask);
    case 'ssh':
      return readSsh(read.as, read.principals, ask);
    case 'pki':
      return readPki(read.as, read.commonName, ask);
    case 'kv':
      return readKv(read.as, read.field, ask);
  }
}
