import {
  endingOf,
  readPathOf,
  type CredentialRead,
} from '@airlock/common/policy/target-credentials';
import { Secret } from '@airlock/common/secret';
import { z } from 'zod';
import { VaultError, type Credential } from '../../app/vault-ports.ts';
import { type VaultClient, parseAnswer } from './client.ts';

const DatabaseAnswer = z.object({
  lease_id: z.string().min(1),
  lease_duration: z.int().min(1),
  data: z.object({ username: z.string().min(1), password: z.string().min(1) }),
});

/** Asks for one fresh credential. Not repeated on failure: an unanswered request may have made one. */
export async function readCredential(
  client: VaultClient,
  read: CredentialRead,
  { signal }: { signal?: AbortSignal | undefined },
): Promise<Credential> {
  const path = readPathOf(read);
  if (read.kind !== 'database') {
    throw new VaultError('vault-request-invalid', `no credential of kind ${read.kind} yet`, {
      sent: false,
    });
  }
  const answer = parseAnswer(DatabaseAnswer, await client.read(path, { signal }), `GET ${path}`);
  const { username, password } = answer.data;
  return {
    as: read.as,
    ending: endingOf(read.kind),
    leaseId: answer.lease_id,
    holder: username,
    seconds: answer.lease_duration,
    secret: { kind: 'database', username, password: new Secret(password) },
  };
}
