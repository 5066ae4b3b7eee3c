/**
 * One line of the audit log that Vault and OpenBao write: JSON, with tokens, accessors and secrets as keyed hashes of a key
 * that never leaves Vault. Lease ids, metadata, paths and policies of tokens are in clear, and that is enough to compare with.
 *
 * Nobody signs the file. Whoever can write it can leave lines out or add some, so that what it says is only ever compared.
 */
import { z } from 'zod';

/** Who holds a token, as far as Vault logs it. */
export type TokenHolder = {
  /** Keyed hash, the same for one token in every line of one audit device; null for a request without a token. */
  readonly accessor: string | null;
  readonly displayName: string;
  readonly policies: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
};

export type AuditLine = {
  readonly at: Date;
  readonly type: 'request' | 'response';
  /** Empty for what a server asked of itself while it started. */
  readonly requestId: string;
  readonly operation: string;
  /** Without a slash at its end. */
  readonly path: string;
  /** Kind of the secrets engine or auth method, such as `database`; null where Vault found none at the path. */
  readonly engine: string | null;
  /** Namespace of OpenBao or Vault Enterprise; empty for the root. */
  readonly namespace: string;
  readonly remote: string;
  /** Who asked; for a login it is who logged in. */
  readonly asker: TokenHolder;
  /** Vault refused, or failed. */
  readonly refused: boolean;
  /** The token that this answer gave out. */
  readonly token: (TokenHolder & { readonly seconds: number }) | null;
  /** The lease that this answer began or renewed. */
  readonly leaseId: string | null;
  /** Whether the answer holds anything that could be a secret: data, or a wrapping token. */
  readonly givesSecret: boolean;
  /** Names that a LIST found; null for any other answer. */
  readonly listed: number | null;
  /** Accessor, as a keyed hash, whose token this request asks to revoke. */
  readonly revokes: string | null;
  /** A token stands in the line in clear: the audit device was made with log_raw. */
  readonly isRaw: boolean;
};

export type ReadLine = AuditLine | { readonly type: 'unreadable'; readonly why: string };

const Auth = z.object({
  client_token: z.string().optional(),
  accessor: z.string().optional(),
  display_name: z.string().optional(),
  policies: z.array(z.string()).nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  token_ttl: z.number().optional(),
});

const Line = z.object({
  time: z.iso.datetime({ offset: true }),
  type: z.enum(['request', 'response']),
  error: z.string().optional(),
  auth: Auth.nullish(),
  request: z.object({
    id: z.string().default(''),
    operation: z.string(),
    path: z.string(),
    mount_type: z.string().optional(),
    namespace: z.object({ path: z.string().optional() }).nullish(),
    remote_address: z.string().optional(),
    client_token: z.string().optional(),
    data: z.record(z.string(), z.unknown()).nullish(),
  }),
  response: z
    .object({
      auth: Auth.nullish(),
      secret: z.object({ lease_id: z.string().optional() }).nullish(),
      data: z.record(z.string(), z.unknown()).nullish(),
      wrap_info: z.record(z.string(), z.unknown()).nullish(),
    })
    .nullish(),
});

/** Reads one line without its line feed. Never throws: what cannot be read is named, because it could be anything. */
export function readAuditLine(text: string): ReadLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { type: 'unreadable', why: 'is not JSON' };
  }
  const parsed = Line.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue?.path.join('.') ?? '';
    return { type: 'unreadable', why: `is no line of Vault's audit log: ${where || 'no object'}` };
  }
  return lineOf(parsed.data);
}

function lineOf({ time, type, error, auth, request, response }: z.infer<typeof Line>): AuditLine {
  const data = response?.data ?? null;
  const refused = error !== undefined && error !== '';
  const answered = type === 'response' && !refused;
  const token = answered && response?.auth ? response.auth : null;
  const leaseId = (answered && response?.secret?.lease_id) || null;
  return {
    at: new Date(time),
    type,
    requestId: request.id,
    operation: request.operation,
    path: request.path.replace(/\/+$/, ''),
    engine: request.mount_type ?? null,
    namespace: request.namespace?.path ?? '',
    remote: request.remote_address ?? '',
    asker: holderOf(auth ?? {}),
    refused,
    token: token === null ? null : { ...holderOf(token), seconds: token.token_ttl ?? 0 },
    leaseId,
    givesSecret: answered && (holdsData(data) || Boolean(response?.wrap_info)),
    listed: request.operation === 'list' && answered ? listedIn(data) : null,
    revokes: typeof request.data?.['accessor'] === 'string' ? request.data['accessor'] : null,
    isRaw: [auth?.client_token, token?.client_token, request.client_token].some(isClear),
  };
}

const holderOf = (auth: z.infer<typeof Auth>): TokenHolder => ({
  accessor: auth.accessor ?? null,
  displayName: auth.display_name ?? '',
  policies: auth.policies ?? [],
  metadata: auth.metadata ?? {},
});

/**
 * A refused login is logged without an error, but with one as its answer; a version of KV that was deleted is answered
 * with what is known about it, and without its value.
 */
function holdsData(data: Readonly<Record<string, unknown>> | null): boolean {
  const names = Object.keys(data ?? {});
  if (data === null || names.length === 0 || names.join() === 'error') return false;
  return !('metadata' in data && data['data'] === null);
}

function listedIn(data: Readonly<Record<string, unknown>> | null): number {
  const keys = data?.['keys'];
  if (Array.isArray(keys)) return keys.length;
  // An audit device with elide_list_responses writes how many there are instead.
  return typeof keys === 'number' ? keys : 0;
}

const isClear = (token: string | undefined): boolean =>
  token !== undefined && token !== '' && !token.startsWith('hmac-');
