/**
 * A stand-in for Vault, for the demo and for tests: the calls that Airlock makes, answered as OpenBao 2.6 answers them, with
 * real Postgres roles behind them. It keeps everything in memory and guards nothing: loopback only, never in production,
 * and every answer says what it is, so that the gate can refuse it.
 */
import { randomUUID } from 'node:crypto';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAllowed, parsePolicy } from './acl.ts';
import { ApiFailure, type Operation, type Reply, multierror } from './api.ts';
import { createAppRoleAuth } from './auth/approle.ts';
import { createJwtAuth } from './auth/jwt.ts';
import { createTokenAuth } from './auth/token.ts';
import type { Backend } from './backend.ts';
import { type Clock, createSystemClock } from './clock.ts';
import { createDatabaseEngine } from './engines/database.ts';
import { type Fault, type Faults, createFaults } from './faults.ts';
import { createLeases } from './leases.ts';
import { type MountTable, type PolicyTable, createSystem } from './system.ts';
import { type Token, createTokens } from './tokens.ts';

export const bannerHeader = 'X-Airlock-Vault-Double';

const version = '2.6.2-airlock-double';
const mostBodyBytes = 1024 * 1024;

const defaultPolicy = JSON.stringify({
  path: {
    'auth/token/lookup-self': { capabilities: ['read'] },
    'auth/token/revoke-self': { capabilities: ['update'] },
    'sys/leases/lookup': { capabilities: ['update'] },
  },
});

export type VaultDouble = {
  /** Such as `http://127.0.0.1:8200`. */
  readonly address: string;
  readonly clock: Clock;
  readonly faults: Faults;
  /** Undoes every lease that is left (the roles really go), then closes. */
  readonly stop: () => Promise<void>;
};

/**
 * @param options.port 0 picks a free one.
 * @param options.log called once a request: method, path and status, never a body or a token.
 * @throws Error when the host is not loopback or NODE_ENV is production.
 */
export async function startVaultDouble(options: {
  host: '127.0.0.1' | '::1';
  port: number;
  rootToken: string;
  clock?: Clock;
  log?: (line: { method: string; path: string; status: number }) => void;
}): Promise<VaultDouble> {
  refuseOutsideDevelopment(options.host);
  const clock = options.clock ?? createSystemClock();
  const faults = createFaults();
  const leases = createLeases({ clock, isSealed: () => faults.sealed });
  const tokens = createTokens({ clock, leases, rootToken: options.rootToken });
  const policies: PolicyTable = new Map([
    ['default', { text: defaultPolicy, policy: parsePolicy(defaultPolicy) }],
  ]);
  const secretMounts: MountTable = new Map();
  const authMounts: MountTable = new Map([
    ['token', { type: 'token', description: '', backend: createTokenAuth({ tokens }) }],
  ]);
  const system = createSystem({
    clock,
    leases,
    policies,
    secretMounts,
    authMounts,
    makeSecretBackend(type, mount) {
      if (type === 'database') return createDatabaseEngine({ mount, clock, leases });
      throw new ApiFailure(400, `plugin not found in the catalog: ${type}`);
    },
    makeAuthBackend(type, mount) {
      if (type === 'jwt') return createJwtAuth({ mount, clock, tokens });
      if (type === 'approle') return createAppRoleAuth({ mount, clock, tokens });
      throw new ApiFailure(400, `plugin not found in the catalog: ${type}`);
    },
  });

  function route(path: string): { backend: Backend; rest: string } {
    if (path.startsWith('sys/')) return { backend: system, rest: path.slice(4) };
    const inAuth = path.startsWith('auth/');
    const local = inAuth ? path.slice(5) : path;
    const mount = [...(inAuth ? authMounts : secretMounts)]
      .filter(([name]) => local.startsWith(`${name}/`))
      .sort(([a], [b]) => b.length - a.length)[0];
    if (mount === undefined) {
      throw new ApiFailure(404, `no handler for route "${path}". route entry not found.`);
    }
    return { backend: mount[1].backend, rest: local.slice(mount[0].length + 1) };
  }

  function authenticate(path: string, operation: Operation, tokenId: string): Token | null {
    const login = /^auth\/(.+)\/login$/.exec(path)?.[1];
    if (login !== undefined && authMounts.has(login)) return null;
    const token = tokens.find(tokenId);
    if (token === undefined) throw new ApiFailure(403, 'permission denied');
    const granted = token.policies.flatMap((name) => policies.get(name)?.policy ?? []);
    if (!token.policies.includes('root') && !isAllowed(granted, path, operation)) {
      throw new ApiFailure(403, multierror('permission denied'));
    }
    return token;
  }

  async function execute(request: IncomingMessage, url: URL): Promise<Reply> {
    const path = url.pathname.slice('/v1/'.length);
    if (path === 'sys/health') return health(faults.sealed);
    if (path === 'sys/seal-status') return sealStatus(faults.sealed);
    if (faults.sealed) throw new ApiFailure(503, 'Vault is sealed');
    const operation = operationOf(request.method ?? '', url);
    const body = operation === 'update' ? await readJson(request) : {};
    const tokenHeader = request.headers['x-vault-token'];
    const token = authenticate(path, operation, typeof tokenHeader === 'string' ? tokenHeader : '');
    const { backend, rest } = route(path);
    return backend({ operation, path: rest, body, token });
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://double.invalid');
    const path = url.pathname.replace(/^\/v1\//, '');
    const method = request.method ?? '';
    let reply: Reply;
    const hit = faults.take(`${method} ${path}`);
    try {
      for (const fault of hit) await applyBefore(fault, response);
      if (response.destroyed || response.writableEnded) return;
      if (!url.pathname.startsWith('/v1/')) throw new ApiFailure(404);
      reply = await execute(request, url);
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      reply = { status: error.status, body: { errors: error.errors } };
    }
    options.log?.({ method, path, status: reply.status });
    if (hit.some((fault) => fault.kind === 'drop-after-execution')) {
      response.destroy();
      return;
    }
    send(response, reply);
  }

  const server = createServer((request, response) => {
    response.setHeader(bannerHeader, '1');
    handle(request, response).catch((error: unknown) => {
      if (!response.headersSent) {
        send(response, {
          status: 500,
          body: { errors: [error instanceof Error ? error.message : 'unknown'] },
        });
      } else response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  // A TCP listener's address is an AddressInfo; only pipes answer with text.
  const { port } = server.address() as AddressInfo;
  const host = options.host === '::1' ? '[::1]' : options.host;
  return {
    address: `http://${host}:${port}`,
    clock,
    faults,
    async stop() {
      server.close();
      server.closeAllConnections();
      await leases.settle();
      await Promise.allSettled(leases.all().map((lease) => leases.revoke(lease)));
    },
  };
}

function refuseOutsideDevelopment(host: string): void {
  if (process.env['NODE_ENV'] === 'production') {
    throw new Error(
      'the Vault stand-in does not start with NODE_ENV=production; run OpenBao or Vault and set vault.address',
    );
  }
  // The type says so too; a caller that casts must not be able to open it to a network.
  if (host !== '127.0.0.1' && host !== '::1') {
    throw new Error(`the Vault stand-in listens on 127.0.0.1 or ::1 only, not on ${host}`);
  }
}

async function applyBefore(fault: Fault, response: ServerResponse): Promise<void> {
  switch (fault.kind) {
    case 'delay':
      await sleep(fault.milliseconds);
      return;
    case 'drop-before-execution':
      response.destroy();
      return;
    case 'status':
      if (fault.retryAfterSeconds !== undefined) {
        response.setHeader('Retry-After', String(fault.retryAfterSeconds));
      }
      send(response, {
        status: fault.status,
        body: {
          errors: [fault.status === 429 ? 'rate limit quota exceeded' : 'internal error'],
        },
      });
      return;
    case 'redirect':
      response.setHeader('Location', fault.location);
      send(response, { status: 307 });
      return;
    case 'drop-after-execution':
  }
}

function operationOf(method: string, url: URL): Operation {
  if (method === 'GET')
    return /^(?:1|t|true)$/i.test(url.searchParams.get('list') ?? '') ? 'list' : 'read';
  if (method === 'POST' || method === 'PUT') return 'update';
  if (method === 'DELETE') return 'delete';
  throw new ApiFailure(405);
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    // The stream has no encoding set, so its chunks are buffers.
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > mostBodyBytes) throw new ApiFailure(413, 'request body too large');
    chunks.push(bytes);
  }
  if (size === 0) return {};
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Falls through to the same answer as a body that is JSON but no object.
  }
  throw new ApiFailure(400, 'failed to decode JSON input: invalid');
}

function send(response: ServerResponse, reply: Reply): void {
  if (reply.body === undefined) {
    response.writeHead(reply.status).end();
    return;
  }
  response
    .writeHead(reply.status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
    .end(JSON.stringify(reply.body));
}

const clusterId = randomUUID();

function health(sealed: boolean): Reply {
  return {
    status: sealed ? 503 : 200,
    body: {
      initialized: true,
      sealed,
      standby: false,
      server_time_utc: Math.floor(Date.now() / 1000),
      version,
      cluster_id: clusterId,
    },
  };
}

function sealStatus(sealed: boolean): Reply {
  return {
    status: 200,
    body: { type: 'shamir', initialized: true, sealed, t: 1, n: 1, progress: 0, version },
  };
}
