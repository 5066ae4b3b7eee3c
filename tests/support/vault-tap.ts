/**
 * Stands between the gate and its Vault for a while and keeps every secret that passes: tokens, JWTs, passwords, secret ids.
 * What is secret is known from Vault's side, so that a sweep for it looks for the real thing.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import type { Pair } from '@airlock/demo/pair';
import { parseDocument } from 'yaml';

export type SecretKind = 'token' | 'jwt' | 'password' | 'secret id';

export type VaultTap = {
  readonly address: string;
  /** Every value that passed so far. */
  readonly secrets: ReadonlyMap<string, SecretKind>;
  close(): Promise<void>;
};

const secretFields: Readonly<Record<string, SecretKind>> = {
  client_token: 'token',
  jwt: 'jwt',
  password: 'password',
  secret_id: 'secret id',
};

export async function tapVault(vaultAddress: string): Promise<VaultTap> {
  const secrets = new Map<string, SecretKind>();
  const keep = (text: string): void => {
    if (text === '') return;
    JSON.parse(text, (name, value: unknown) => {
      const kind = secretFields[name];
      if (kind !== undefined && typeof value === 'string' && value !== '') secrets.set(value, kind);
      return value;
    });
  };
  const server = http.createServer((request, response) => {
    const token = request.headers['x-vault-token'];
    if (typeof token === 'string') secrets.set(token, 'token');
    void bodyOf(request).then((body) => {
      keep(body);
      const headers = { ...request.headers, connection: 'close', host: new URL(vaultAddress).host };
      const outgoing = http.request(
        `${vaultAddress}${request.url ?? ''}`,
        { method: request.method, headers, agent: false },
        (answer) => {
          void bodyOf(answer).then((text) => {
            keep(text);
            response.writeHead(answer.statusCode ?? 502, answer.headers).end(text);
          });
        },
      );
      outgoing.on('error', () => response.destroy());
      outgoing.end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return {
    address: `http://127.0.0.1:${address.port}`,
    secrets,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/**
 * Where a process of the gate finds Vault, from its next start on.
 *
 * @param staleSeconds how long a deliverer may be silent; one whose heap is written down is, for a while.
 */
export function pointAtVault(
  pair: Pair,
  name: 'gate-deliverer' | 'gate-watchdog',
  { address, staleSeconds }: { address: string; staleSeconds: number },
): void {
  const file = join(pair.layout.config, `${name}.yaml`);
  const config = parseDocument(readFileSync(file, 'utf8'));
  config.setIn(['vault', 'address'], address);
  config.set('staleSeconds', staleSeconds);
  writeFileSync(file, config.toString());
}

async function bodyOf(stream: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
