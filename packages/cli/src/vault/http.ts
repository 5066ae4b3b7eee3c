/** Requests of an administrator to Vault: one server, no redirects, no proxy, and errors without token or body. */
import http from 'node:http';
import https from 'node:https';
import { z } from 'zod';
import { VaultSetupError } from './error.ts';

export type VaultAccess = {
  /** Such as `https://vault.example:8200`. */
  address: string;
  /** May read and write mounts, policies and roles; used here and kept nowhere. */
  token: string;
  /** PEM of the only authority that Vault's certificate may come from. Default: those that Node trusts. */
  caPem?: string;
};

export type VaultRequest = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Below `/v1/`. */
  path: string;
  body?: Readonly<Record<string, unknown>>;
  /** Asks for the answer in a wrapping token that lives so long. */
  wrapSeconds?: number;
  /** Sends no token: a login must not profit from the administrator's. */
  isAnonymous?: true;
};

export type VaultAnswer = { status: number; body: unknown; reasons: readonly string[] };

const deadlineMs = 15_000;
const mostAnswerBytes = 4 * 1024 * 1024;
const Errors = z.object({ errors: z.array(z.string()) });

/**
 * @throws VaultSetupError `vault-unreachable` when no whole answer comes; `vault-setup-invalid` for an address that would show
 *   the token to the network.
 */
export async function askVault(access: VaultAccess, request: VaultRequest): Promise<VaultAnswer> {
  requireSafeAddress(access.address);
  const { status, text } = await exchange(access, request);
  let body: unknown = null;
  try {
    body = text === '' ? null : JSON.parse(text);
  } catch {
    // An error page of something in between: the status says what there is to say.
  }
  return { status, body, reasons: Errors.safeParse(body).data?.errors ?? [] };
}

/** An answer that must be a success of this form. @throws VaultSetupError */
export async function answerOf<T>(
  access: VaultAccess,
  request: VaultRequest,
  schema: z.ZodType<T>,
): Promise<T> {
  const answer = await askVault(access, request);
  const parsed = schema.safeParse(answer.body);
  if (answer.status === 200 && parsed.success) return parsed.data;
  throw refused(request, answer);
}

/** What Vault said no to, in its own words, and what to do. */
export function refused(
  { method, path }: Pick<VaultRequest, 'method' | 'path'>,
  { status, reasons }: VaultAnswer,
): VaultSetupError {
  const mend =
    status === 403
      ? 'use a token that may read and write sys/auth, sys/mounts, sys/policies and the mounts themselves'
      : 'mend what Vault names and run the set-up again; what is done already stays as it is';
  return new VaultSetupError(
    'vault-setup-refused',
    `Vault answered ${status} to ${method} ${path}: ${reasons.join('; ').trim() || 'no reason given'}; ${mend}`,
  );
}

function requireSafeAddress(address: string): void {
  const url = URL.canParse(address) ? new URL(address) : null;
  const isOrigin = url !== null && /^https?:\/\/[^/?#@\s]+$/.test(address);
  const isLoopback = url?.hostname === '127.0.0.1' || url?.hostname === '[::1]';
  if (isOrigin && (url.protocol === 'https:' || isLoopback)) return;
  throw new VaultSetupError(
    'vault-setup-invalid',
    `the address of Vault is ${address}; give https://host:port without a path, or http:// on 127.0.0.1 or [::1]`,
  );
}

function exchange(
  { address, token, caPem }: VaultAccess,
  { method, path, body, wrapSeconds, isAnonymous }: VaultRequest,
): Promise<{ status: number; text: string }> {
  const payload = body === undefined ? null : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void => {
      reject(
        new VaultSetupError(
          'vault-unreachable',
          `${why} (${method} ${path} at ${address}); check the address, VAULT_CACERT and that Vault is running`,
          { cause },
        ),
      );
    };
    const options: https.RequestOptions = {
      method,
      agent: false,
      headers: {
        Accept: 'application/json',
        'X-Vault-Request': 'true',
        ...(isAnonymous === true ? {} : { 'X-Vault-Token': token }),
        ...(wrapSeconds === undefined ? {} : { 'X-Vault-Wrap-TTL': `${wrapSeconds}s` }),
        ...(payload === null
          ? {}
          : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(payload) }),
      },
    };
    const url = `${address}/v1/${path}`;
    const outgoing = url.startsWith('https:')
      ? https.request(url, {
          ...options,
          minVersion: 'TLSv1.2',
          ...(caPem === undefined ? {} : { ca: caPem }),
        })
      : http.request(url, options);
    const timer = setTimeout(() => {
      fail(`no whole answer from Vault within ${deadlineMs / 1000} s`);
      outgoing.destroy();
    }, deadlineMs);
    outgoing.on('close', () => {
      clearTimeout(timer);
      fail('the connection to Vault ended before the answer did');
    });
    outgoing.on('error', (cause) => {
      fail(`cannot reach Vault: ${cause.message}`, cause);
    });
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        chunks.push(chunk);
        if (size > mostAnswerBytes) {
          fail(`Vault's answer is longer than ${mostAnswerBytes} bytes`);
          outgoing.destroy();
        }
      });
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
    outgoing.end(payload ?? undefined);
  });
}
