/** How a machine becomes a runner: it shows a token and a key of its own, and waits until somebody accepts the key. */
import { createHash, type X509Certificate } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { json as readJson } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { AirlockError } from '@airlock/common/errors';
import { Enrolment } from '@airlock/common/wire/runner-enrolment';
import { Problem } from '@airlock/common/wire/problem';
import { makeKeyAndRequest } from './certificate-request.ts';

export type JoinErrorCode =
  | 'server-unreachable'
  /** Something else answers at that address than the token names. */
  | 'server-unexpected'
  | 'token-refused'
  /** A person said no to this machine's key. */
  | 'enrolment-refused'
  | 'answer-malformed';

export class JoinError extends AirlockError<JoinErrorCode> {}

export type Joined = Extract<Enrolment, { state: 'accepted' }> & { keyPem: string };

const timeoutMs = 15_000;
const askAgainMs = 500;

/**
 * @param options.serverKey SHA-256 of the server's public key, base64url, out of the token: nothing is said to another server.
 * @param options.onWaiting told once, when a person has to accept the key.
 * @throws JoinError
 */
export async function join(options: {
  url: string;
  secret: string;
  serverKey: string;
  onWaiting: (waiting: Enrolment) => void;
  signal: AbortSignal;
}): Promise<Joined> {
  const { url, secret, serverKey, signal } = options;
  const { keyPem, csrPem, fingerprint } = makeKeyAndRequest();
  const call = async (method: 'GET' | 'POST', path: string, body?: unknown): Promise<Enrolment> => {
    const { status, told } = await send({ url, serverKey, method, path, body, signal });
    if (status >= 200 && status < 300) return enrolmentOf(told, fingerprint);
    const problem = Problem.safeParse(told);
    const words = problem.success ? problem.data.title : `HTTP ${status}`;
    throw new JoinError(status === 401 ? 'token-refused' : 'server-unreachable', words);
  };
  let enrolment = await call('POST', '/v1/enrolments', { token: secret, csr: csrPem });
  if (enrolment.state === 'waiting') options.onWaiting(enrolment);
  while (enrolment.state === 'waiting') {
    await sleep(askAgainMs, undefined, { signal });
    try {
      enrolment = await call('GET', `/v1/enrolments/${enrolment.id}`);
    } catch (error) {
      // The token is spent: a restart of nonprod while a person decides must not cost it.
      if (!(error instanceof JoinError) || error.code !== 'server-unreachable') throw error;
    }
  }
  if (enrolment.state === 'refused') {
    throw new JoinError('enrolment-refused', `the key ${fingerprint} was refused by a person`);
  }
  return { ...enrolment, keyPem };
}

function enrolmentOf(told: unknown, fingerprint: string): Enrolment {
  const parsed = Enrolment.safeParse(told);
  if (parsed.success && parsed.data.keyFingerprint === fingerprint) return parsed.data;
  throw new JoinError(
    'answer-malformed',
    'the answer is no enrolment of this key; are nonprod and this runner of the same version?',
  );
}

async function send(what: {
  url: string;
  serverKey: string;
  method: 'GET' | 'POST';
  path: string;
  body: unknown;
  signal: AbortSignal;
}): Promise<{ status: number; told: unknown }> {
  const { url, method, path, body } = what;
  const socket = await connectTo(new URL(url), what.serverKey);
  try {
    const text = body === undefined ? '' : JSON.stringify(body);
    return await new Promise((resolve, reject) => {
      const outgoing = httpRequest(
        {
          ...{ method, path, createConnection: () => socket },
          signal: AbortSignal.any([what.signal, AbortSignal.timeout(timeoutMs)]),
          headers: {
            host: new URL(url).host,
            connection: 'close',
            ...(text === '' ? {} : { 'content-type': 'application/json' }),
            'content-length': Buffer.byteLength(text),
          },
        },
        (answer) => {
          readJson(answer).then((told) => {
            resolve({ status: answer.statusCode ?? 0, told });
          }, reject);
        },
      );
      outgoing.once('error', reject);
      outgoing.end(text);
    });
  } catch (cause) {
    throw unreachable(url, cause);
  } finally {
    socket.destroy();
  }
}

/** A connection to the server that has the key which the token names, whoever certified it: this machine has no CA yet. */
function connectTo({ hostname, port, href }: URL, serverKey: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: hostname,
      port: port === '' ? 443 : Number(port),
      minVersion: 'TLSv1.3',
      // The handshake proves that the server holds the key; which key it has to be is compared below.
      rejectUnauthorized: false,
      timeout: timeoutMs,
    });
    socket.once('error', (cause) => {
      reject(unreachable(href, cause));
    });
    socket.once('timeout', () => {
      socket.destroy(new Error(`no answer within ${timeoutMs / 1000} s`));
    });
    socket.once('secureConnect', () => {
      const found = keyOf(socket.getPeerX509Certificate());
      if (found === serverKey) {
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(
        new JoinError(
          'server-unexpected',
          `${href} has the key ${found ?? 'none'}, and the token names ${serverKey}; nothing was sent. Check the address; after a change of the server's key make a new token`,
        ),
      );
    });
  });
}

function keyOf(certificate: X509Certificate | undefined): string | null {
  if (certificate === undefined) return null;
  const spki = certificate.publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('base64url');
}

function unreachable(url: string, cause: unknown): JoinError {
  if (cause instanceof JoinError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new JoinError(
    'server-unreachable',
    `${url} cannot be reached (${why}); check the address and that nonprod-web runs`,
    { cause },
  );
}
