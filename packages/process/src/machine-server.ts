/**
 * A listener for machines: TLS 1.3, a client certificate of this edge's CA, one URI name in it that is on the list.
 * No cookies, no pages. A handler gets the caller's name, and answers by return value or streams by itself.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import { z } from 'zod';
import { AirlockError } from '@airlock/common/errors';
import type { Problem } from '@airlock/common/wire/problem';
import { closeToOthers } from './closed-to-others.ts';
import { ConfigurationError, FilePath } from './config.ts';
import type { Log } from './log.ts';
import { peerIdentity } from './mtls.ts';
import { Network } from './networks.ts';

export const MachineListener = z.strictObject({
  host: z.string().min(1).describe('Address to listen on, such as 127.0.0.1.'),
  port: z.int().min(1).max(65535).describe('Port to listen on (1-65535).'),
  caFile: FilePath.describe('Certificate authority of this edge, PEM; only its clients may call.'),
  certificateFile: FilePath.describe('Certificate of this listener, PEM.'),
  keyFile: FilePath.describe('Private key of this listener, PEM, readable by this process only.'),
  allowFrom: z
    .array(Network)
    .min(1)
    .max(100)
    .nullable()
    .default(null)
    .describe(
      'Networks such as 10.1.0.0/16 that may connect; a connection from elsewhere is closed before a byte of it is read, and airlock firewall makes rules of them. Default null: from everywhere.',
    ),
});
type Settings = z.infer<typeof MachineListener>;
export type MachineListener = Omit<Settings, 'allowFrom'> & Partial<Settings>;

const statusOf = {
  'request-malformed': 400,
  'caller-not-allowed': 403,
  'not-found': 404,
  'lease-lost': 409,
  'secret-refused': 403,
  'secret-taken': 410,
  'artifact-too-large': 413,
  'artifact-digest-mismatch': 422,
  'artifact-not-asked-for': 422,
  'rebuild-refused': 422,
  'checkpoint-unsigned': 403,
  'checkpoint-inconsistent': 422,
  'too-many-requests': 429,
  'dependency-unavailable': 503,
} as const;
export type MachineErrorCode = keyof typeof statusOf;

export class MachineError extends AirlockError<MachineErrorCode> {}

export interface MachineCall {
  /** The caller's URI name; on the list. */
  readonly caller: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Parts of the path that the route's pattern names. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

export type MachineAnswer =
  | { readonly status: 200 | 201; readonly json: unknown }
  | { readonly status: 200 | 409; readonly text: string; readonly contentType: string }
  | { readonly status: 204 }
  /** The handler has written the response. */
  | 'streamed';

export interface MachineRoute {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Such as `/v1/jobs/:jobId/log`. */
  readonly path: string;
  handle(call: MachineCall): Promise<MachineAnswer>;
}

export interface MachineServer {
  /** `https://host:port`, as bound. */
  readonly url: string;
  close(): Promise<void>;
}

/** @throws ConfigurationError when a certificate file cannot be read or the port is taken. */
export async function startMachineServer(options: {
  readonly listener: MachineListener;
  /** Where the listener stands in the configuration, for messages. */
  readonly setting: string;
  readonly routes: readonly MachineRoute[];
  /** Asked before each request; may throw MachineError to say more than no. */
  mayCall(caller: string, request: IncomingMessage): boolean | Promise<boolean>;
  onRefusedCaller(caller: string | null): void;
  readonly log: Log;
}): Promise<MachineServer> {
  const { listener, log } = options;
  const server = createServer(
    {
      ca: readTlsFile(listener.caFile),
      cert: readTlsFile(listener.certificateFile),
      key: readTlsFile(listener.keyFile),
      minVersion: 'TLSv1.3',
      requestCert: true,
      rejectUnauthorized: true,
      headersTimeout: 10_000,
      // An artifact may take its time.
      requestTimeout: 15 * 60_000,
      keepAliveTimeout: 30_000,
    },
    (request, response) => {
      answer(request, response).catch((error: unknown) => {
        fail(request, response, error, log);
      });
    },
  );

  closeToOthers(server, listener.allowFrom ?? null, {
    setting: `${options.setting}.allowFrom`,
    log,
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const caller = request.socket instanceof TLSSocket ? peerIdentity(request.socket) : null;
    if (caller === null || !(await options.mayCall(caller, request))) {
      options.onRefusedCaller(caller);
      throw new MachineError(
        'caller-not-allowed',
        `${caller ?? 'a certificate without exactly one URI name'} is not on this listener's list`,
      );
    }
    const url = new URL(request.url ?? '/', 'https://machine.invalid');
    for (const route of options.routes) {
      const params = route.method === request.method ? match(route.path, url.pathname) : null;
      if (params === null) continue;
      const result = await route.handle({
        caller,
        request,
        response,
        params,
        query: url.searchParams,
      });
      if (result === 'streamed') return;
      if ('text' in result) sendText(response, result);
      else sendJson(response, result.status, 'json' in result ? result.json : undefined);
      return;
    }
    throw new MachineError('not-found', `there is no ${request.method ?? ''} ${url.pathname}`);
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new ConfigurationError(
          'configuration-refused',
          `${options.setting}: cannot listen on ${listener.host}:${listener.port} (${cause.message}); free the port or change ${options.setting}.port`,
          { cause },
        ),
      );
    });
    server.listen(listener.port, listener.host, resolve);
  });
  // A TCP server's address is an object; the string form is for pipes.
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://${listener.host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/** @throws MachineError `request-malformed` above the limit. */
export async function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('the request has an encoding set');
    size += chunk.length;
    if (size > maxBytes) {
      throw new MachineError('request-malformed', `the body has more than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** @throws MachineError `request-malformed` for anything but JSON of that shape within the limit. */
export async function readJson<T>(
  request: IncomingMessage,
  schema: z.ZodType<T>,
  maxBytes: number,
): Promise<T> {
  const body = await readBytes(request, maxBytes);
  let data: unknown;
  try {
    data = JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new MachineError('request-malformed', 'the body is not JSON', { cause });
  }
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new MachineError('request-malformed', faults.join('; '));
}

function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/');
  const given = path.split('/');
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? '';
    if (part.startsWith(':')) params[part.slice(1)] = value;
    else if (part !== value) return null;
  }
  return params;
}

function sendText(
  response: ServerResponse,
  answer: { readonly status: number; readonly text: string; readonly contentType: string },
): void {
  const { status, text, contentType } = answer;
  response.writeHead(status, { 'cache-control': 'no-store', 'content-type': contentType });
  response.end(text);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, {
    'cache-control': 'no-store',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  });
  response.end(body === undefined ? undefined : JSON.stringify(body));
}

function fail(request: IncomingMessage, response: ServerResponse, error: unknown, log: Log): void {
  const known = error instanceof MachineError ? error : null;
  if (known === null && !response.destroyed) {
    log.error('machine.request-failed', {
      'http.request.method': request.method,
      'url.path': request.url,
      error: error instanceof Error ? error : new Error(String(error)),
    });
  }
  if (response.headersSent) {
    // Cut off rather than ended: the reader must not take half an answer for the whole.
    response.destroy();
    return;
  }
  const status = known === null ? 500 : statusOf[known.code];
  const code = known?.code ?? 'internal-error';
  const problem: Problem = {
    type: `urn:airlock:problem:${code}`,
    title: known?.message ?? 'The request failed here; see the log of this process.',
    status,
    code,
  };
  response.writeHead(status, {
    'cache-control': 'no-store',
    'content-type': 'application/problem+json',
    // What is left of the request's body is not read.
    connection: 'close',
  });
  response.end(JSON.stringify(problem));
}

function readTlsFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new ConfigurationError(
      'configuration-unreadable',
      `${file} cannot be read; check the path and that this process's user may read it`,
      { cause },
    );
  }
}
