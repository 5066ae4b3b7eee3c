import { Secret } from '@airlock/common/secret';
import { z } from 'zod';
import type { DatabaseCredential } from '../../app/vault-ports.ts';
import { type VaultClient, parseAnswer } from './client.ts';

const Credential = z.object({
  lease_id: z.string().min(1),
  lease_duration: z.int().min(1),
  data: z.object({ username: z.string().min(1), password: z.string().min(1) }),
});

/** Asks for one fresh database role. Not repeated on failure: an unanswered request may have made one. */
export async function readDatabaseCredential(
  client: VaultClient,
  { mount, role, signal }: { mount: string; role: string; signal?: AbortSignal | undefined },
): Promise<DatabaseCredential> {
  const path = `${mount}/creds/${role}`;
  const answer = parseAnswer(Credential, await client.read(path, { signal }), `GET ${path}`);
  return {
    leaseId: answer.lease_id,
    username: answer.data.username,
    password: new Secret(answer.data.password),
    leaseSeconds: answer.lease_duration,
  };
}
