/**
 * node-vault with three calls left of it. A client belongs to one token, or to none for a login, and is made anew for the
 * next: node-vault shares headers between calls and would send an earlier token.
 */
import nodeVault from 'node-vault';
import { z } from 'zod';
import { VaultError } from '../../app/vault-ports.ts';
import { VaultHttpError } from './errors.ts';
import type { VaultTransport } from './transport.ts';

export type VaultClient = {
  read(path: string, options?: CallOptions): Promise<unknown>;
  write(path: string, body: Record<string, unknown>, options?: CallOptions): Promise<unknown>;
  /** The names below a prefix; empty when Vault says that there is none. */
  list(path: string, options?: CallOptions): Promise<readonly string[]>;
};
type CallOptions = { signal?: AbortSignal | undefined };

const Response = z.object({
  statusCode: z.number(),
  body: z.unknown(),
  retryAfterSeconds: z.number().nullable(),
  request: z.object({ method: z.string(), path: z.string() }),
});
const Errors = z.object({ errors: z.array(z.string()) });
const Keys = z.object({ data: z.object({ keys: z.array(z.string()) }) });

export function createVaultClient({
  address,
  transport,
  token,
}: {
  address: string;
  transport: VaultTransport;
  token?: string;
}): VaultClient {
  const client = nodeVault({
    endpoint: address,
    apiVersion: 'v1',
    // Node's own server and many proxies do not know the verb LIST.
    noCustomHTTPVerbs: true,
    'request-promise': { defaults: () => transport },
    // node-vault's own prints what is written, secrets included.
    debug: () => {},
  });
  // What is not given it takes from variables, also for a login, which has to go without a token.
  Object.assign(client, { token: token ?? '', pathPrefix: '', namespace: '' });
  // node-vault's own takes 202 for a failure and drops Retry-After and every reason but the first.
  client.handleVaultResponse = handleResponse;

  return {
    async read(path, options) {
      const body: unknown = await client.read(path, { ...options });
      return body;
    },
    async write(path, body, options) {
      const answer: unknown = await client.write(path, body, { ...options });
      return answer;
    },
    async list(path, options) {
      try {
        const body: unknown = await client.list(path, { ...options });
        return parseAnswer(Keys, body, `LIST ${path}`).data.keys;
      } catch (error) {
        // An empty prefix is 404 with an empty list of reasons; an unknown path is 404 with one, and something in front of Vault
        // may answer 404 without any list. Neither must read as "nothing left".
        if (error instanceof VaultHttpError && error.isEmptyList) return [];
        throw error;
      }
    },
  };
}

/** @throws VaultError `vault-answer-malformed`, which says where the answer differs and never what it holds. */
export function parseAnswer<T>(schema: z.ZodType<T>, body: unknown, what: string): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map((issue) => issue.path.join('.')).join(', ');
  throw new VaultError(
    'vault-answer-malformed',
    `the answer to ${what} lacks or misspells: ${where || 'everything'}`,
    { sent: true },
  );
}

function handleResponse(response: unknown): Promise<unknown> {
  const { statusCode, body, retryAfterSeconds, request } = Response.parse(response);
  if (statusCode === 200 || statusCode === 202 || statusCode === 204) return Promise.resolve(body);
  const told = Errors.safeParse(body);
  return Promise.reject(
    new VaultHttpError({
      status: statusCode,
      reasons: told.success ? told.data.errors : null,
      request: `${request.method} ${request.path}`,
      retryAfterSeconds,
    }),
  );
}
