/**
 * A stand-in for Vault, for the demo and for tests: the calls that Airlock makes, answered as OpenBao 2.6 answers them, with
 * real Postgres roles behind them. It keeps everything in memory and guards nothing: loopback only, never in production,
 * and every answer says what it is, so that the gate can refuse it. The method LIST is not understood, because Node's parser
 * does not know it: ask with GET and `?list=true`, which every server takes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { type Admission, createAccess } from './access.ts';
import { parsePolicy } from './acl.ts';
import { ApiFailure, type Reply } from './api.ts';
import { createAuthMethod } from './auth/catalog.ts';
import { createTokenAuth } from './auth/token.ts';
import type { Backend, Call } from './backend.ts';
import { type Clock, createSkewedClock, createSystemClock } from './clock.ts';
import { createEngine } from './engines/catalog.ts';
import { type AdminPort, startAdminPort } from './admin.ts';
import { type AuditSink, type AuditedRequest, createAudit } from './audit.ts';
import { type Faults, createFaults, hinder, spoil } from './faults.ts';
import { createLeases } from './leases.ts';
import { type ServerIdentity, clientCertificateOf, listen } from './listener.ts';
import { type ProfileName, profiles, refuseDots } from './profile.ts';
import { QuotaExceeded, createQuotas } from './quotas.ts';
import { type State, health, sealStatus } from './state-answers.ts';
import { type MountTable, type PolicyTable, createSystem } from './system.ts';
import { createTokens } from './tokens.ts';
import { operationOf, readJson, send } from './wire.ts';
import { createWrapping, wrapSecondsOf, wrappingPolicy } from './wrapping.ts';

export const bannerHeader = 'X-Airlock-Vault-Double';

/** What a real server's `default` allows, of the paths that are known here. */
const defaultPolicy = JSON.stringify({
  path: {
    'auth/token/lookup-self': { capabilities: ['read'] },
    'auth/token/renew-self': { capabilities: ['update'] },
    'auth/token/revoke-self': { capabilities: ['update'] },
    'sys/capabilities-self': { capabilities: ['update'] },
    'sys/leases/lookup': { capabilities: ['update'] },
    'sys/wrapping/wrap': { capabilities: ['update'] },
    'sys/wrapping/lookup': { capabilities: ['update'] },
    'sys/wrapping/unwrap': { capabilities: ['update'] },
  },
});

export type VaultDouble = {
  /** Such as `http://127.0.0.1:8200`. */
  readonly address: string;
  /** The TLS listener, which asks for a client certificate; null unless it was asked for. */
  readonly tlsAddress: string | null;
  readonly clock: Clock;
  readonly faults: Faults;
  /** Where faults can be steered from another process; null unless it was asked for. */
  readonly adminAddress: string | null;
  /** Undoes every lease that is left (the roles really go), then closes. */
  readonly stop: () => Promise<void>;
};

type Place = { backend: Backend; rest: string; mount: NonNullable<AuditedRequest['mount']> };

/**
 * @param options.port 0 picks a free one.
 * @param options.tls makes it listen with TLS as well, on that port; 0 picks a free one.
 * @param options.profile whose answers are given where servers differ; `openbao-2.6` when left out.
 * @param options.audit where the audit device writes; nowhere when left out.
 * @param options.adminPort opens a second listener on which anybody on this machine may inject faults; 0 picks a free one.
 * @param options.random where a wait between two tries to undo a lease lies in its range; `Math.random` when left out.
 * @param options.log called once a request: method, path and status, never a body or a token.
 * @throws Error when the host is not loopback or NODE_ENV is production.
 */
export async function startVaultDouble(options: {
  host: '127.0.0.1' | '::1';
  port: number;
  rootToken: string;
  tls?: ServerIdentity & { port: number };
  clock?: Clock;
  profile?: ProfileName;
  audit?: AuditSink;
  adminPort?: number;
  random?: () => number;
  log?: (line: { method: string; path: string; status: number }) => void;
}): Promise<VaultDouble> {
  refuseOutsideDevelopment(options.host);
  const profile = profiles[options.profile ?? 'openbao-2.6'];
  const faults = createFaults();
  const passing = options.clock ?? createSystemClock();
  const clock = createSkewedClock(passing, () => faults.clockSkewMilliseconds);
  const leases = createLeases({
    clock,
    isSealed: () => faults.sealed,
    random: options.random ?? Math.random,
  });
  const { rootToken } = options;
  const tokens = createTokens({ clock, leases, rootToken, prefix: profile.tokenPrefix });
  const audit = createAudit({
    sink: options.audit ?? null,
    now: () => clock.now(),
    isFailing: () => faults.auditFailing,
  });
  const quotas = createQuotas({ clock, isMounted: (path) => locate(`${path}/`) !== null });
  const policies: PolicyTable = new Map(
    Object.entries({ default: defaultPolicy, 'response-wrapping': wrappingPolicy }).map(
      ([name, text]) => [name, { text, policy: parsePolicy(text) }],
    ),
  );
  const access = createAccess({ tokens, policies, profile });
  const wrapping = createWrapping({ tokens });
  const secretMounts: MountTable = new Map();
  const authMounts: MountTable = new Map([
    [
      'token',
      {
        type: 'token',
        description: '',
        backend: createTokenAuth({ tokens, clock, profile, hasSudo: access.hasSudo }),
      },
    ],
  ]);
  const system = createSystem({
    clock,
    leases,
    profile,
    isRevocationLazy: () => faults.lazyRevocation,
    quotas: quotas.backend,
    wrapping: wrapping.backend,
    capabilities: access.capabilities,
    policies,
    secretMounts,
    authMounts,
    makeSecretBackend: (type, mount, mountOptions) =>
      createEngine({
        type,
        mount,
        options: mountOptions,
        clock,
        leases,
        profile,
        isDatabaseReachable: () => !faults.databaseDown,
      }),
    makeAuthBackend: (type, mount) => createAuthMethod(type, { mount, clock, tokens, profile }),
  });

  /** Null when nothing is mounted there. */
  function locate(path: string): Place | null {
    if (path.startsWith('sys/')) {
      const mount = { point: 'sys/', type: 'system', class: 'secret' } as const;
      return { backend: system, rest: path.slice(4), mount };
    }
    const inAuth = path.startsWith('auth/');
    const local = inAuth ? path.slice(5) : path;
    const found = [...(inAuth ? authMounts : secretMounts)]
      .filter(([name]) => local.startsWith(`${name}/`))
      .sort(([a], [b]) => b.length - a.length)[0];
    if (found === undefined) return null;
    const [name, { backend, type }] = found;
    return {
      backend,
      rest: local.slice(name.length + 1),
      mount: inAuth
        ? { point: `auth/${name}/`, type, class: 'auth' }
        : { point: `${name}/`, type, class: 'secret' },
    };
  }

  /** A path that takes no token admits everybody, whatever token they send. */
  function admit(place: Place | null, call: Call, address: string): Admission {
    if (place?.backend.isOpen?.(place.rest, call) === true) {
      return { token: null, denial: null, isLastUse: false };
    }
    const { operation, path, tokenId, wrapSeconds } = call;
    const isNew = operation === 'update' && place?.backend.exists?.(place.rest) === false;
    return access.admit(tokenId, address, {
      path,
      operation: isNew ? 'create' : operation,
      parameters: operation === 'update' ? call.body : Object.fromEntries(call.query),
      wrapSeconds,
    });
  }

  const state = (): State => ({
    sealed: faults.sealed,
    version: profile.version,
    now: clock.now(),
  });

  async function execute(request: IncomingMessage, url: URL): Promise<Reply> {
    const path = url.pathname.slice('/v1/'.length);
    if (path === 'sys/health') return health(state());
    if (path === 'sys/seal-status') return sealStatus(state());
    if (faults.sealed) throw new ApiFailure(503, 'Vault is sealed');
    const headers = quotas.admit(path);
    const operation = operationOf(request.method ?? '', url);
    const address = request.socket.remoteAddress ?? '';
    const place = locate(path);
    const asked = {
      operation,
      path,
      body: operation === 'update' ? await readJson(request) : {},
      query: url.searchParams,
      token: null,
      tokenId: tokenOf(request),
      wrapSeconds: wrapSecondsOf(request.headers['x-vault-wrap-ttl']),
      certificate: clientCertificateOf(request),
    };
    const { token, denial, isLastUse } = admit(place, asked, address);
    const record = audit({
      operation,
      path,
      body: asked.body,
      mount: place?.mount ?? null,
      tokenId: asked.tokenId,
      token,
      remote: { address, port: request.socket.remotePort ?? 0 },
    });
    record.request(denial);
    const call = { ...asked, token };
    const outcome = denial ?? (await attempt(place, call, isLastUse));
    if (isLastUse && token !== null) await tokens.revoke(token);
    record.response(outcome);
    const reply = outcome instanceof ApiFailure ? refusal(outcome) : outcome;
    return { ...reply, headers: { ...reply.headers, ...headers } };
  }

  async function attempt(
    place: Place | null,
    call: Call,
    isLastUse: boolean,
  ): Promise<Reply | ApiFailure> {
    if (place === null) {
      return new ApiFailure(404, `no handler for route "${call.path}". route entry not found.`);
    }
    try {
      const reply = await place.backend({ ...call, path: place.rest });
      if (isLastUse && hasLease(reply)) {
        throw new ApiFailure(
          400,
          'Secret cannot be returned; token had one use left, so leased credentials were immediately revoked.',
        );
      }
      return call.wrapSeconds !== null && isWrappable(reply)
        ? wrapping.wrap(reply.body, call.wrapSeconds, call.path)
        : reply;
    } catch (error) {
      if (error instanceof ApiFailure) return error;
      throw error;
    }
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const raw = (request.url ?? '/').replace(/\?.*$/, '');
    const url = new URL(request.url ?? '/', 'http://double.invalid');
    const path = url.pathname.replace(/^\/v1\//, '');
    const method = request.method ?? '';
    const hit = faults.take(`${method} ${path}`);
    const endToken = async () => {
      const token = tokens.find(tokenOf(request));
      if (token !== undefined) await tokens.revoke(token);
    };
    let reply: Reply | null = null;
    for (const fault of hit) {
      reply ??= await hinder(fault, { path, response, endToken });
      if (response.destroyed) return;
    }
    if (reply === null) {
      reply =
        refuseDots(raw, profile) ??
        (url.pathname.startsWith('/v1/')
          ? await execute(request, url).catch(refusal)
          : { status: 404, body: { errors: [] } });
      for (const fault of hit) {
        if (reply !== null) reply = await spoil(fault, path, reply);
      }
    }
    options.log?.({ method, path, status: reply?.status ?? 0 });
    if (reply === null) response.destroy();
    else send(response, reply);
  }

  const answerSafely = (request: IncomingMessage, response: ServerResponse) => {
    response.setHeader(bannerHeader, '1');
    handle(request, response).catch((error: unknown) => {
      if (!response.headersSent) {
        send(response, {
          status: 500,
          body: { errors: [error instanceof Error ? error.message : 'unknown'] },
        });
      } else response.destroy();
    });
  };
  const { host, tls } = options;
  const plain = await listen({ host, port: options.port, tls: null, handle: answerSafely });
  const secured =
    tls === undefined ? null : await listen({ host, port: tls.port, tls, handle: answerSafely });
  const admin: AdminPort | null =
    options.adminPort === undefined
      ? null
      : await startAdminPort({
          host: options.host,
          port: options.adminPort,
          faults,
          clock: passing,
        });
  return {
    address: plain.address,
    tlsAddress: secured?.address ?? null,
    clock,
    faults,
    adminAddress: admin?.address ?? null,
    async stop() {
      admin?.stop();
      plain.close();
      secured?.close();
      faults.databaseDown = false;
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

function tokenOf(request: IncomingMessage): string {
  const header = request.headers['x-vault-token'];
  return typeof header === 'string' ? header : '';
}

/** @throws what is no answer of the API but a defect of the stand-in. */
function refusal(error: unknown): Reply {
  if (!(error instanceof ApiFailure)) throw error;
  return {
    status: error.status,
    body: { errors: error.errors },
    ...(error instanceof QuotaExceeded ? { headers: error.headers } : {}),
  };
}

function hasLease({ body }: Reply): boolean {
  return z.looseObject({ lease_id: z.string().min(1) }).safeParse(body).success;
}

/** An answer of Vault's envelope that carries something; a failure or a PEM goes out as it is. */
function isWrappable({ status, body }: Reply): boolean {
  return status === 200 && z.looseObject({ request_id: z.string().min(1) }).safeParse(body).success;
}
