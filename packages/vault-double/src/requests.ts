/** One request from its headers to its answer: seal, quota, token, policy, audit, execution, wrapping; and the faults around. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Admission } from './access.ts';
import { ApiFailure, type Reply } from './api.ts';
import type { Audit } from './audit.ts';
import type { Call } from './backend.ts';
import type { Clock } from './clock.ts';
import { type FaultPlan, hinder, spoil } from './faults.ts';
import { clientCertificateOf } from './listener.ts';
import { type Profile, refuseDots } from './profile.ts';
import { QuotaExceeded } from './quotas.ts';
import { type State, health, sealStatus } from './state-answers.ts';
import type { Place, Vault } from './vault.ts';
import { operationOf, readJson, send } from './wire.ts';
import { wrapSecondsOf } from './wrapping.ts';

/** @param parts.log called once a request: method, path and status, never a body or a token. */
export function createRequests({
  vault,
  audit,
  faults,
  profile,
  clock,
  log,
}: {
  vault: Vault;
  audit: Audit;
  faults: FaultPlan;
  profile: Profile;
  clock: Clock;
  log: ((line: { method: string; path: string; status: number }) => void) | undefined;
}): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { tokens } = vault;

  /** A path that takes no token admits everybody, whatever token they send. */
  function admit(place: Place | null, call: Call, address: string): Admission {
    if (place?.backend.isOpen?.(place.rest, call) === true) {
      return { token: null, denial: null, isLastUse: false };
    }
    const { operation, path, tokenId, wrapSeconds } = call;
    const isNew = operation === 'update' && place?.backend.exists?.(place.rest) === false;
    return vault.access.admit(tokenId, address, {
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
    const headers = vault.quotas.admit(path);
    const operation = operationOf(request.method ?? '', url);
    const address = request.socket.remoteAddress ?? '';
    const place = vault.locate(path);
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
        ? vault.wrapping.wrap(reply.body, call.wrapSeconds, call.path)
        : reply;
    } catch (error) {
      if (error instanceof ApiFailure) return error;
      throw error;
    }
  }

  return async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
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
    log?.({ method, path, status: reply?.status ?? 0 });
    if (reply === null) response.destroy();
    else send(response, reply);
  };
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
