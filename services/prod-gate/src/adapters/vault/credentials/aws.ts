import { Secret } from '@airlock/common/secret';
import { z } from 'zod';
import type { Credential } from '../../../app/vault-ports.ts';
import { parseAnswer } from '../client.ts';
import { faultFrom, holderFrom, leaseFaults, type Ask } from './ask.ts';

const Answer = z.object({
  lease_id: z.string().min(1),
  lease_duration: z.int().min(1),
  data: z.object({
    access_key: z.string().min(1),
    secret_key: z.string().min(1),
    security_token: z.string().nullish(),
  }),
});

/**
 * A session of AWS STS. Vault keeps a lease for it, and revoking that lease changes nothing at AWS.
 *
 * @returns with a fault where Vault made an IAM user instead: its keys work until somebody deletes them, and nothing here
 *   plans for that. Its lease is revoked with the session, which deletes the user.
 */
export async function readAws(as: string, ask: Ask): Promise<Credential> {
  const { client, path, signal } = ask;
  const answer = parseAnswer(Answer, await client.read(path, { signal }), `GET ${path}`);
  const { access_key, secret_key, security_token } = answer.data;
  const faults =
    security_token == null || security_token === ''
      ? [
          `${path} makes IAM users and no sessions; set credential_type of that role at Vault to assumed_role or federation_token`,
        ]
      : [];
  return {
    as,
    ending: 'ttl-only',
    leaseId: answer.lease_id,
    holder: holderFrom(access_key),
    seconds: answer.lease_duration,
    secret: {
      kind: 'aws',
      accessKeyId: access_key,
      secretAccessKey: new Secret(secret_key),
      sessionToken: new Secret(security_token ?? ''),
    },
    ...faultFrom([...faults, ...leaseFaults(path, answer.lease_id)]),
  };
}
