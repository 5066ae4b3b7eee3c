import { Secret } from '@airlock/common/secret';
import { z } from 'zod';
import type { Credential } from '../../../app/vault-ports.ts';
import { parseAnswer } from '../client.ts';
import { faultFrom, holderFrom, leaseFaults, type Ask } from './ask.ts';

const Answer = z.object({
  lease_id: z.string().min(1),
  lease_duration: z.int().min(1),
  data: z.object({ username: z.string().min(1), password: z.string().min(1) }),
});

/** A role of the target's own database, made for this request; its lease is what is revoked. */
export async function readDatabase(as: string, ask: Ask): Promise<Credential> {
  const { client, path, signal } = ask;
  const answer = parseAnswer(Answer, await client.read(path, { signal }), `GET ${path}`);
  const { username, password } = answer.data;
  return {
    as,
    ending: 'revocable',
    leaseId: answer.lease_id,
    holder: holderFrom(username),
    seconds: answer.lease_duration,
    secret: { kind: 'database', username, password: new Secret(password) },
    ...faultFrom(leaseFaults(path, answer.lease_id)),
  };
}
