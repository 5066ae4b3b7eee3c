/**
 * Logs in to a Postgres in the hook's place. SCRAM-SHA-256 only, as libpq's `require_auth=scram-sha-256`: a server that asks
 * for the password itself, for its MD5, or for nothing is refused, because whoever answers in the target's place must learn
 * nothing; over TLS the login is bound to the certificate.
 */
import type { Secret } from '@airlock/common/secret';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import {
  continueSession,
  finalizeSession,
  startSession,
  type SaslSession,
} from 'pg/lib/crypto/sasl.js';
import { readBytes, type Connections } from './connections.ts';
import {
  encode,
  errorFields,
  saslInitialResponse,
  saslResponse,
  sslRequest,
  startupMessage,
  type Message,
} from './postgres-wire.ts';

export type PostgresPlace = {
  readonly host: string;
  readonly port: number;
  readonly ca?: string | undefined;
};

export type PostgresLogin = { readonly username: string; readonly password: Secret };

const loginWithinMs = 10_000;
/** Nothing that a server says before the first query is longer. */
const maxMessageBytes = 64 * 1024;

/** The server said no. Its own words, field by field. */
export class ServerRefusal extends Error {
  readonly fields: ReadonlyMap<string, string>;

  constructor(fields: ReadonlyMap<string, string>) {
    super(fields.get('M') ?? 'refused');
    this.fields = fields;
  }
}

/**
 * A connection to the server at which nothing was said yet; over TLS where there is a `ca`.
 *
 * @throws Error with a sentence for a person.
 */
export async function reachPostgres(
  connections: Connections,
  { host, port, ca }: PostgresPlace,
): Promise<Socket> {
  const socket = await connections.dial({ host, port });
  if (ca === undefined) return socket;
  try {
    socket.write(sslRequest);
    const answer = await within(socket, readBytes(socket, 1));
    if (answer.toString('latin1') !== 'S') {
      throw new Error('the server speaks no TLS; turn ssl on there');
    }
    // Whatever came with it came before TLS, and would be taken for the server's own (CVE-2021-23222).
    if (socket.readableLength > 0) throw new Error('the server said more than it was asked');
  } catch (cause) {
    socket.destroy();
    throw cause;
  }
  return await connections.secure(socket, { host, ca });
}

export type LoggedIn = {
  readonly socket: Socket;
  /** What the server said of itself, as it came, without its cancellation key. */
  readonly greeting: readonly Buffer[];
  /** Null where the server cannot be asked to cancel. */
  readonly cancellation: { readonly processId: number; readonly key: Buffer } | null;
};

/**
 * @param parameters of the startup message beside `user`.
 * @throws ServerRefusal; Error with a sentence for a person. Neither holds the password.
 */
export async function logIn(
  socket: Socket,
  login: PostgresLogin,
  parameters: ReadonlyMap<string, string>,
): Promise<LoggedIn> {
  try {
    return await within(socket, converse(socket, login, parameters));
  } catch (cause) {
    socket.destroy();
    throw cause;
  }
}

async function converse(
  socket: Socket,
  login: PostgresLogin,
  parameters: ReadonlyMap<string, string>,
): Promise<LoggedIn> {
  socket.write(startupMessage(new Map([['user', login.username], ...parameters])));
  await authenticate(socket, login);
  const greeting: Buffer[] = [];
  let cancellation: LoggedIn['cancellation'] = null;
  for (;;) {
    const message = await readMessage(socket);
    switch (message.type) {
      case 'K':
        cancellation = { processId: message.body.readUInt32BE(0), key: message.body.subarray(4) };
        break;
      case 'S':
      case 'N':
        greeting.push(encode(message));
        break;
      case 'Z':
        greeting.push(encode(message));
        return { socket, greeting, cancellation };
      case 'E':
        throw new ServerRefusal(errorFields(message.body));
      default:
        throw new Error('the server said what no Postgres says before the first query');
    }
  }
}

async function authenticate(socket: Socket, { password }: PostgresLogin): Promise<void> {
  const secured = socket instanceof TLSSocket ? socket : null;
  let session: SaslSession | null = null;
  let isProven = false;
  for (;;) {
    const { type, body } = await readMessage(socket);
    if (type === 'E') throw new ServerRefusal(errorFields(body));
    if (type === 'N') continue;
    if (type !== 'R') throw new Error('the server did not ask for a login');
    const request = body.readUInt32BE(0);
    const rest = body.subarray(4).toString('latin1');
    if (request === 10 && session === null) {
      session = startSession(rest.split('\0'), secured);
      socket.write(saslInitialResponse(session.mechanism, session.response));
    } else if (request === 11 && session !== null) {
      await continueSession(session, password.reveal(), rest, secured);
      socket.write(saslResponse(session.response));
    } else if (request === 12 && session !== null) {
      finalizeSession(session, rest);
      isProven = true;
    } else if (request === 0 && isProven) {
      return;
    } else {
      throw new Error(
        `the server asks for ${requestNames.get(request) ?? `a login of kind ${request}`}, and only scram-sha-256 is given; correct its pg_hba.conf`,
      );
    }
  }
}

const requestNames: ReadonlyMap<number, string> = new Map([
  [0, 'no password'],
  [3, 'the password in clear'],
  [5, 'the MD5 of the password'],
]);

async function readMessage(socket: Socket): Promise<Message> {
  const header = await readBytes(socket, 5);
  const length = header.readUInt32BE(1) - 4;
  if (length < 0 || length > maxMessageBytes) {
    throw new Error('what answers there is no Postgres');
  }
  const body = length === 0 ? Buffer.alloc(0) : await readBytes(socket, length);
  return { type: header.toString('latin1', 0, 1), body };
}

async function within<T>(socket: Socket, work: Promise<T>): Promise<T> {
  const late = setTimeout(() => {
    socket.destroy();
  }, loginWithinMs);
  try {
    return await work;
  } finally {
    clearTimeout(late);
  }
}
