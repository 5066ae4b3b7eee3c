import { Secret } from '@airlock/common/secret';
import { z } from 'zod';
import { VaultError, type Credential } from '../../../app/vault-ports.ts';
import { parseAnswer } from '../client.ts';
import { VaultHttpError } from '../errors.ts';
import { faultFrom, type Ask } from './ask.ts';

const Answer = z.object({
  data: z.object({
    data: z.record(z.string(), z.unknown()).nullable(),
    metadata: z.object({
      version: z.int().min(1),
      created_time: z.iso.datetime({ offset: true }),
      deletion_time: z.string().optional(),
      destroyed: z.boolean().optional(),
    }),
  }),
});

/** The masks leave shorter texts alone, so that such a value would stand in the hook's log. */
const shortestValue = 4;

/**
 * One field of the newest version of a secret that a person wrote. It does not end: the same value works until somebody
 * replaces it, which is why its age is part of what it is known by.
 *
 * @throws VaultError `vault-refused` when there is no such secret, it was deleted, or it has no such field as text.
 */
export async function readKv(as: string, field: string, ask: Ask): Promise<Credential> {
  const { client, path, signal } = ask;
  const none = (why: string): VaultError =>
    new VaultError('vault-refused', `${path} ${why}; write it at Vault, or correct the target`, {
      sent: true,
    });
  let body: unknown;
  try {
    body = await client.read(path, { signal });
  } catch (error) {
    if (error instanceof VaultHttpError && error.status === 404) {
      throw none('holds no secret: it was never written, or its newest version was deleted');
    }
    throw error;
  }
  const { data, metadata } = parseAnswer(Answer, body, `GET ${path}`).data;
  if (data === null || metadata.destroyed === true) throw none('holds a secret that was deleted');
  const value = Object.hasOwn(data, field) ? data[field] : undefined;
  if (typeof value !== 'string' || value === '') throw none(`has no text in its field ${field}`);
  const written = new Date(metadata.created_time);
  return {
    as,
    ending: 'by-hand',
    leaseId: null,
    holder: `kv v${metadata.version} of ${written.toISOString().slice(0, 10)}`,
    seconds: null,
    secret: { kind: 'kv', value: new Secret(value) },
    ...faultFrom(
      value.length < shortestValue
        ? [
            `${path} holds a value of fewer than ${shortestValue} characters in ${field}, which no log could hide; write a longer one`,
          ]
        : [],
    ),
  };
}
