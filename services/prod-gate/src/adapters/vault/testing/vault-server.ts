/** A server in the place of Vault that answers what a test wants, and clients of it. */
import assert from 'node:assert/strict';
import http from 'node:http';
import type { TestContext } from 'node:test';
import { inspect } from 'node:util';
import { VaultError } from '../../../app/vault-ports.ts';
import { type VaultClient, createVaultClient } from '../client.ts';
import { VaultSettings } from '../settings.ts';
import { createVaultTransport } from '../transport.ts';

export const token = 's.very-secret-token';
export const jwt = 'eyJ-very-secret-jwt';

export type Heard = {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
};

/** @returns its address. */
export async function listen(
  t: TestContext,
  handler: http.RequestListener,
  server: http.Server = http.createServer(),
): Promise<string> {
  server.on('request', handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return `http://127.0.0.1:${address.port}`;
}

/** A client with a deadline of a second; `withToken` makes another on the same connections. */
export function clientOf(
  address: string,
  options: {
    /** Null for none. Default: `token`. */
    token?: string | null;
    environment?: NodeJS.ProcessEnv;
    settings?: object;
  } = {},
): VaultClient & { withToken(token: string): VaultClient } {
  const { settings, environment = {} } = options;
  const parsed = VaultSettings.parse({ address, requestTimeoutSeconds: 1, ...settings });
  const transport = createVaultTransport(parsed, environment);
  const given = options.token === undefined ? token : options.token;
  return {
    ...createVaultClient({ address, transport, ...(given === null ? {} : { token: given }) }),
    withToken: (other) => createVaultClient({ address, transport, token: other }),
  };
}

/** The VaultError that `work` ends with, which shows no secret however it is looked at. */
export async function failure(work: Promise<unknown>): Promise<VaultError> {
  const error: unknown = await work.then(
    () => assert.fail('expected a failure'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof VaultError, inspect(error));
  const shown = [inspect(error, { depth: null, showHidden: true }), JSON.stringify(error)].join();
  assert.ok(!shown.includes(token) && !shown.includes(jwt), `a secret shows in: ${shown}`);
  return error;
}

export const json = (
  response: http.ServerResponse,
  status: number,
  body: unknown,
): http.ServerResponse =>
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
