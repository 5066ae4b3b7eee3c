/**
 * The audit device: one JSON line before a request is executed and one before it is answered, in the form of Vault's file
 * device. Every text in a body, and tokens and accessors everywhere, stands as an HMAC under one salt; a login's metadata and a
 * lease's id stand in clear, which is what a cross-check with another record rests on.
 */
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { z } from 'zod';
import { ApiFailure, type Operation, type Reply, multierror } from './api.ts';
import type { Token } from './tokens.ts';

/** A file, appended to and made with mode 0600; or a function that is called with each line. */
export type AuditSink = string | ((line: string) => void);

export type AuditedRequest = {
  operation: Operation;
  path: string;
  body: Readonly<Record<string, unknown>>;
  /** Where the path is mounted; null when nowhere. */
  mount: { point: string; type: string; class: 'auth' | 'secret' } | null;
  /** As it came with the request; empty when none did. */
  tokenId: string;
  /** What that stands for; null when it stands for nothing, or the path takes none. */
  token: Token | null;
  remote: { address: string; port: number };
};

/** One request's two lines. */
export type AuditRecord = {
  /** @throws ApiFailure 500 when the device cannot be written: the request must not be executed. */
  request(denial: ApiFailure | null): void;
  /** @throws ApiFailure 500 when the device cannot be written: the answer must not leave. */
  response(outcome: Reply | ApiFailure): void;
};

const Answered = z.looseObject({
  lease_id: z.string().default(''),
  data: z.record(z.string(), z.unknown()).nullish(),
  auth: z
    .looseObject({
      client_token: z.string(),
      accessor: z.string(),
      policies: z.array(z.string()),
      metadata: z.record(z.string(), z.string()).nullish(),
      lease_duration: z.number(),
      token_type: z.string(),
    })
    .nullish(),
});

/** Vault keeps these as times and not as text, and so they are not hashed. */
const times = new Set(['expire_time', 'issue_time', 'last_renewal']);

export type Audit = ReturnType<typeof createAudit>;

export function createAudit({
  sink,
  now,
  isFailing,
}: {
  sink: AuditSink | null;
  now: () => number;
  isFailing: () => boolean;
}): (request: AuditedRequest) => AuditRecord {
  const salt = randomBytes(32);
  const hide = (value: string) =>
    `hmac-sha256:${createHmac('sha256', salt).update(value).digest('hex')}`;

  function hideAll(value: unknown, name = ''): unknown {
    if (typeof value === 'string') return times.has(name) ? value : hide(value);
    if (Array.isArray(value)) return value.map((entry) => hideAll(entry));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, entry]) => [key, hideAll(entry, key)]),
    );
  }

  function write(entry: object): void {
    if (isFailing()) throw new ApiFailure(500, 'internal error');
    if (sink === null) return;
    const line = JSON.stringify({ time: new Date(now()).toISOString(), ...entry });
    if (typeof sink === 'function') sink(line);
    else appendFileSync(sink, `${line}\n`, { mode: 0o600 });
  }

  const issuedAt = (token: Token) => `${new Date(token.issuedAt).toISOString().slice(0, 19)}Z`;
  const metadataOf = (metadata: Readonly<Record<string, string>> | null | undefined) =>
    metadata === null || metadata === undefined || Object.keys(metadata).length === 0
      ? {}
      : { metadata };

  return (given) => {
    const { mount, token, tokenId, operation, path, body } = given;
    const place =
      mount === null
        ? {}
        : { mount_point: mount.point, mount_type: mount.type, mount_class: mount.class };
    const request = {
      id: randomUUID(),
      operation,
      ...place,
      ...(tokenId === '' ? {} : { client_token: hide(tokenId) }),
      ...(token === null ? {} : { client_token_accessor: hide(token.accessor) }),
      namespace: { id: 'root' },
      path,
      ...(Object.keys(body).length === 0 ? {} : { data: hideAll(body) }),
      remote_address: given.remote.address,
      remote_port: given.remote.port,
    };
    const caller = (isAllowed: boolean) =>
      token === null
        ? { ...(isAllowed ? { policy_results: { allowed: true } } : {}), token_type: 'default' }
        : {
            client_token: hide(token.id),
            accessor: hide(token.accessor),
            display_name: token.displayName,
            policies: token.policies,
            token_policies: token.policies,
            policy_results: { allowed: isAllowed },
            ...metadataOf(token.metadata),
            token_type: 'service',
            ...(token.ttlSeconds === 0 ? {} : { token_ttl: token.ttlSeconds }),
            token_issue_time: issuedAt(token),
          };
    let isAllowed = true;

    return {
      request(denial) {
        isAllowed = denial === null;
        const error = denial === null ? {} : { error: denial.errors.join('; ') };
        write({ type: 'request', auth: caller(isAllowed), request, ...error });
      },
      response(outcome) {
        const common = { type: 'response', request };
        // Nothing to list is an answer, and no failure: its 404 has no reason.
        if (
          outcome instanceof ApiFailure &&
          outcome.status === 404 &&
          outcome.errors.length === 0
        ) {
          write({ ...common, auth: caller(true), response: { ...place } });
          return;
        }
        if (outcome instanceof ApiFailure) {
          const text = outcome.errors.join('; ');
          const isRefusedLogin = isAllowed && path.endsWith('/login');
          write({
            ...common,
            auth: caller(isAllowed),
            response: { ...place, data: { error: hide(text) } },
            ...(isRefusedLogin
              ? {}
              : { error: multierror(isAllowed ? 'invalid request' : 'permission denied') }),
          });
          return;
        }
        const answered = Answered.safeParse(outcome.body ?? {});
        const { data, auth, lease_id: leaseId } = answered.success ? answered.data : {};
        const issued =
          auth === null || auth === undefined
            ? null
            : {
                client_token: hide(auth.client_token),
                accessor: hide(auth.accessor),
                ...(typeof auth['display_name'] === 'string'
                  ? { display_name: auth['display_name'] }
                  : {}),
                policies: auth.policies,
                token_policies: auth.policies,
                ...metadataOf(auth.metadata),
                token_type: auth.token_type,
                token_ttl: auth.lease_duration,
              };
        write({
          ...common,
          // A login's line says whom it let in; every other line says who asked.
          auth: token === null && issued !== null ? issued : caller(true),
          response: {
            ...(issued === null ? {} : { auth: issued }),
            ...place,
            ...(leaseId === undefined || leaseId === '' ? {} : { secret: { lease_id: leaseId } }),
            ...(data === null || data === undefined ? {} : { data: hideAll(data) }),
          },
        });
      },
    };
  };
}
