/**
 * The few requests that a Transit key needs, to nonprod's own low-value Vault or OpenBao. One certificate authority is
 * trusted, no redirect is followed, no proxy is used, and an answer has a deadline and a size.
 */
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import { ConfigurationError } from '@airlock/process/config';
import { z } from 'zod';
import { EnvelopeError } from './envelope-error.ts';

const mostAnswerBytes = 256 * 1024;
/** A token is given up this long before it ends. */
const tokenMarginMs = 30_000;

export type TransitSettings = {
  /** `https://host:port`, or `http://` on this machine. */
  readonly address: string;
  readonly caFile?: string | undefined;
  readonly requestTimeoutSeconds: number;
  readonly identity: {
    /** Mount of the AppRole. */
    readonly mount: string;
    readonly roleIdFile: string;
    readonly secretIdFile: string;
  };
};

export type TransitClient = {
  /** Answers the `data` of Vault's answer. @throws EnvelopeError `kek-unavailable`, `kek-refused`, `envelope-unopenable`. */
  call(method: 'GET' | 'POST', path: string, body?: Record<string, unknown>): Promise<unknown>;
};

const Login = z.object({
  auth: z.object({ client_token: z.string().min(1), lease_duration: z.int().min(0) }),
});
const Data = z.object({ data: z.unknown() });
const Errors = z.object({ errors: z.array(z.string()) });

type Request = {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly token: string | null;
  readonly body?: Record<string, unknown> | undefined;
};
type Answer = { readonly status: number; readonly json: unknown };

/** @throws ConfigurationError when the connection would be unsafe or a file is missing. */
export function createTransitClient(settings: TransitSettings): TransitClient {
  const authority = pinnedAuthority(settings);
  const { identity } = settings;
  let token: { readonly text: string; readonly until: number } | null = null;

  async function login(): Promise<string> {
    if (token !== null && performance.now() < token.until) return token.text;
    const path = `auth/${identity.mount}/login`;
    const answer = await exchange(settings, authority, {
      method: 'POST',
      path,
      token: null,
      body: {
        role_id: oneLine('roleIdFile', identity.roleIdFile),
        secret_id: oneLine('secretIdFile', identity.secretIdFile),
      },
    });
    if (answer.status !== 200) throw refusal(path, answer);
    const { auth } = parsed(Login, answer.json, path);
    const lifeMs = auth.lease_duration === 0 ? 3_600_000 : auth.lease_duration * 1000;
    token = { text: auth.client_token, until: performance.now() + lifeMs - tokenMarginMs };
    return token.text;
  }

  return {
    async call(method, path, body) {
      const ask = async (): Promise<Answer> =>
        exchange(settings, authority, { method, path, token: await login(), body });
      let answer = await ask();
      if (answer.status === 403 && token !== null) {
        // The token may have been revoked or lost in a restart; everything asked here may be asked twice.
        token = null;
        answer = await ask();
      }
      if (answer.status === 200) return parsed(Data, answer.json, path).data;
      throw refusal(path, answer);
    },
  };
}

function refusal(path: string, { status, json }: Answer): EnvelopeError {
  const reasons = Errors.safeParse(json).data?.errors ?? [];
  const words = reasons.join('; ').replaceAll(/\s+/g, ' ').slice(0, 300) || 'no reason given';
  // Transit says so with 500 (Vault 1.8) or 400, and neither is different a minute later.
  if (/message authentication failed/.test(words)) {
    return new EnvelopeError('envelope-unopenable', `Vault cannot open it (${path}): ${words}`);
  }
  const mayPass = (status >= 300 && status < 400) || status === 429 || status >= 500;
  return new EnvelopeError(
    mayPass ? 'kek-unavailable' : 'kek-refused',
    `Vault answered ${status} to ${path}: ${words}`,
  );
}

function exchange(
  settings: TransitSettings,
  authority: string | null,
  { method, path, token, body }: Request,
): Promise<Answer> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const deadline = settings.requestTimeoutSeconds * 1000;
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      reject(
        new EnvelopeError(
          'kek-unavailable',
          `Vault at ${settings.address} did not answer ${path}: ${why}; check that it runs and is unsealed`,
        ),
      );
    };
    const options: https.RequestOptions = {
      method,
      // No agent of Node's: no proxy from the environment, and the connection ends with the request.
      agent: false,
      signal: AbortSignal.timeout(deadline),
      headers: {
        accept: 'application/json',
        'x-vault-request': 'true',
        ...(token === null ? {} : { 'x-vault-token': token }),
        ...(payload === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
      },
    };
    const url = `${settings.address}/v1/${path}`;
    const outgoing =
      authority === null
        ? http.request(url, options)
        : https.request(url, {
            ...options,
            ca: authority,
            minVersion: 'TLSv1.3',
            // Said here, so that NODE_TLS_REJECT_UNAUTHORIZED changes nothing.
            rejectUnauthorized: true,
          });
    outgoing.on('error', (cause) => {
      fail(cause.name === 'AbortError' ? `${deadline / 1000} s are over` : cause.message);
    });
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > mostAnswerBytes) outgoing.destroy(new Error('its answer is too long'));
        else chunks.push(chunk);
      });
      response.on('error', (cause) => {
        fail(cause.message);
      });
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          json: jsonOf(Buffer.concat(chunks).toString('utf8')),
        });
      });
    });
    outgoing.end(payload);
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Judged by status and schema; the text may hold a key.
    return null;
  }
}

function parsed<T>(schema: z.ZodType<T>, json: unknown, path: string): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new EnvelopeError(
    'kek-refused',
    `the answer to ${path} is not Vault's; check secrets.keeper.address, with nothing in between`,
  );
}

function pinnedAuthority({ address, caFile }: TransitSettings): string | null {
  const { protocol, hostname } = new URL(address);
  if (protocol === 'http:') {
    if (hostname === '127.0.0.1' || hostname === '[::1]') return null;
    throw new ConfigurationError(
      'configuration-refused',
      `secrets.keeper.address: http to ${hostname} would show keys to the network; use https and caFile`,
    );
  }
  if (caFile === undefined) {
    throw new ConfigurationError(
      'configuration-invalid',
      'secrets.keeper.caFile is missing; name the PEM file of the authority that signed Vault’s certificate',
    );
  }
  try {
    return readFileSync(caFile, 'utf8');
  } catch (cause) {
    throw new ConfigurationError(
      'configuration-unreadable',
      `secrets.keeper.caFile: cannot read ${caFile}; create it, readable by this process's user`,
      { cause },
    );
  }
}

/** Read anew for each login, so that it can be replaced while this process runs. */
function oneLine(setting: string, file: string): string {
  let text = '';
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new EnvelopeError(
      'kek-refused',
      `secrets.keeper.identity.${setting}: cannot read ${file}; create it, readable by this process's user`,
      { cause },
    );
  }
  if (text !== '') return text;
  throw new EnvelopeError('kek-refused', `secrets.keeper.identity.${setting}: ${file} is empty`);
}
