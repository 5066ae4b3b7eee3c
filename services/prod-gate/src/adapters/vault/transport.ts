/**
 * How bytes go to Vault, in the place of node-vault's own axios: that one follows redirects with the token, obeys proxy
 * variables, never gives up, and puts the token into its errors. This one has one origin, one pinned authority, one deadline,
 * and errors that hold nothing of the request but its method and path.
 */
import http from 'node:http';
import https from 'node:https';
import { VaultError } from '../../app/vault-ports.ts';
import { assertSafeEnvironment } from './environment.ts';
import { readPinnedAuthority, type VaultSettings } from './settings.ts';

const mostAnswerBytes = 1024 * 1024;
/** Node's answer headers, all together. */
const mostHeaderBytes = 16 * 1024;
/**
 * How long a connection waits for the next request of the same delivery, in milliseconds: long enough for the few calls that
 * follow one another, and so short that no server closes it first while a request is on its way.
 */
const idleMs = 1_000;

/** What node-vault hands its transport. */
export type TransportRequest = {
  method: string;
  uri: string;
  headers?: Record<string, string>;
  json?: unknown;
  signal?: AbortSignal | undefined;
};

/** What node-vault hands on to `handleVaultResponse`. */
export type TransportResponse = {
  statusCode: number;
  body: unknown;
  retryAfterSeconds: number | null;
  request: { method: string; path: string };
};

export type VaultTransport = (request: TransportRequest) => Promise<TransportResponse>;

/** Shown to Vault, PEM. */
export type ClientCertificate = { readonly cert: string; readonly key: string };

/**
 * @param certificate for a login by certificate; none otherwise.
 * @param environment the process's own; refused when it would weaken the connection. AIRLOCK_DEMO=1 in it admits the stand-in.
 * @throws ConfigurationError when the environment or the settings are unsafe.
 */
export function createVaultTransport(
  settings: VaultSettings,
  environment: NodeJS.ProcessEnv = process.env,
  certificate?: ClientCertificate,
): VaultTransport {
  assertSafeEnvironment(environment);
  const authority = readPinnedAuthority(settings);
  const admitsDouble = environment['AIRLOCK_DEMO'] === '1';
  const deadline = settings.requestTimeoutSeconds * 1000;
  const connections = connectionsTo(authority, certificate);

  return async (request) => {
    const path = checkedPath(settings.address, request);
    const answer = await exchange({ request, path, connections, deadline });
    if (answer.headers['x-airlock-vault-double'] !== undefined && !admitsDouble) {
      throw new VaultError(
        'vault-is-double',
        `${settings.address} is the stand-in of the demo and guards nothing; set vault.address to a real Vault or OpenBao`,
        { sent: true },
      );
    }
    return {
      statusCode: answer.status,
      body: parseBody(answer, `${request.method} ${path}`),
      retryAfterSeconds: retryAfter(answer.headers['retry-after']),
      request: { method: request.method, path },
    };
  };
}

/**
 * node-vault puts paths together from text and encodes nothing, so `../` or `?` in a name would reach another endpoint.
 * Checked on the final address, because only that is what is sent.
 */
function checkedPath(address: string, { uri, method }: TransportRequest): string {
  const path = uri.startsWith(`${address}/v1/`) ? uri.slice(address.length + 4) : '';
  const named = method === 'GET' ? path.replace(/\?list=1$/, '') : path;
  const segments = named.replace(/\/$/, '').split('/');
  const fits = segments.every(
    (segment) => /^[A-Za-z0-9_.-]+$/.test(segment) && segment !== '.' && segment !== '..',
  );
  if (!fits) {
    throw new VaultError(
      'vault-request-invalid',
      'a mount, role or lease prefix holds a character that no Vault path of Airlock has; use letters, digits, _, . and -',
      { sent: false },
    );
  }
  return path;
}

type Connections = { agent: http.Agent; isTls: boolean };

/**
 * Of one process to one Vault, never shared with anything else; no proxy, no session ticket and no socket outlive their use.
 * A handshake costs more than all else that the gate does for a request.
 */
function connectionsTo(
  authority: string | null,
  certificate: ClientCertificate | undefined,
): Connections {
  const common = { keepAlive: true, maxFreeSockets: 2, timeout: idleMs };
  return authority === null
    ? { agent: new http.Agent(common), isTls: false }
    : {
        agent: new https.Agent({
          ...common,
          ...certificate,
          ca: authority,
          minVersion: 'TLSv1.3',
          maxCachedSessions: 0,
        }),
        isTls: true,
      };
}

type Answer = { status: number; headers: http.IncomingHttpHeaders; bytes: Buffer };

function exchange({
  request,
  path,
  connections,
  deadline,
}: {
  request: TransportRequest;
  path: string;
  connections: Connections;
  deadline: number;
}): Promise<Answer> {
  const payload = request.json === undefined ? null : JSON.stringify(request.json);
  const what = `${request.method} ${path}`;
  return new Promise((resolve, reject) => {
    let sent = false;
    const fail = (message: string, cause?: unknown) => {
      reject(
        new VaultError(
          sent ? 'vault-outcome-unknown' : 'vault-unavailable',
          `${message} (${what})${sent ? '; Vault may have carried it out' : ''}`,
          { sent, ...(cause === undefined ? {} : { cause: codeOnly(cause) }) },
        ),
      );
    };
    const common: http.RequestOptions = {
      method: request.method,
      agent: connections.agent,
      maxHeaderSize: mostHeaderBytes,
      headers: {
        ...request.headers,
        Accept: 'application/json',
        'X-Vault-Request': 'true',
        ...(payload === null
          ? {}
          : {
              'Content-Type': 'application/json',
              'Content-Length': String(Buffer.byteLength(payload)),
            }),
      },
    };
    const outgoing = (connections.isTls ? https : http).request(request.uri, common);

    const timer = setTimeout(() => {
      fail(`no whole answer from Vault within ${deadline / 1000} s`);
      outgoing.destroy();
    }, deadline);
    const abort = () => {
      fail('given up because the delivery was stopped');
      outgoing.destroy();
    };
    request.signal?.addEventListener('abort', abort, { once: true });
    outgoing.on('close', () => {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', abort);
      fail('the connection to Vault ended before the answer did');
    });
    outgoing.on('socket', (socket) => {
      // Behind the parser of this request, which copies what it hands on, and no longer than it.
      socket.on('data', wipe);
      outgoing.once('response', (response) => {
        response.once('end', () => socket.off('data', wipe));
      });
      // From here on bytes may have left; before, Vault cannot have seen anything.
      if (outgoing.reusedSocket) {
        sent = true;
        return;
      }
      socket.once(connections.isTls ? 'secureConnect' : 'connect', () => {
        sent = true;
      });
    });
    outgoing.on('error', (cause) => {
      fail('the connection to Vault failed', cause);
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
      response.on('error', (cause) => {
        fail('the connection to Vault failed', cause);
      });
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        // What Vault answered holds secrets, and memory that is given back is not wiped by anybody else.
        for (const chunk of chunks) wipe(chunk);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, bytes });
      });
    });
    if (request.signal?.aborted === true) abort();
    else outgoing.end(payload ?? undefined);
  });
}

function parseBody({ headers, bytes, status }: Answer, what: string): unknown {
  if (bytes.length === 0) return null;
  const isJson = /^application\/json(?:;|$)/.test(headers['content-type'] ?? '');
  try {
    if (isJson) return JSON.parse(bytes.toString('utf8'));
  } catch {
    // Reported below with the status, which is what a person needs; the bytes may hold a secret.
  } finally {
    wipe(bytes);
  }
  throw new VaultError(
    'vault-answer-malformed',
    `the answer to ${what} (status ${status}) is not JSON; is vault.address really Vault, with nothing in between?`,
    { sent: true },
  );
}

function wipe(bytes: Buffer): void {
  bytes.fill(0);
}

function retryAfter(header: string | undefined): number | null {
  return header !== undefined && /^\d{1,5}$/.test(header) ? Number(header) : null;
}

/** Only the code survives: Node's connection errors are harmless today, and nothing here depends on that. */
function codeOnly(cause: unknown): Error {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  return new Error(code);
}
