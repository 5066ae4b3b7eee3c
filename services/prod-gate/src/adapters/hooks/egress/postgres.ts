/**
 * The socket of a database. Without a credential it is a relay, over TLS where the target file names a `ca`: the hook logs in.
 * With one, the gate's side logs in and the hook needs no password: whatever user, database or replication it asks for, it gets
 * the approved database as the credential's role.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { readBytes, reasonOf, relay, type Connections } from './connections.ts';
import {
  logIn,
  reachPostgres,
  ServerRefusal,
  type PostgresLogin,
  type PostgresPlace,
} from './postgres-login.ts';
import {
  authenticationOk,
  cancelRequest,
  encode,
  errorResponse,
  fatal,
  negotiation,
  openingLength,
  parseOpening,
  type Opening,
} from './postgres-wire.ts';

/** Parameters of the hook's that change how values look and how long to wait, and nothing about who it is. */
const passed: ReadonlySet<string> = new Set([
  ...['application_name', 'client_encoding', 'datestyle', 'extra_float_digits', 'intervalstyle'],
  ...['idle_in_transaction_session_timeout', 'lock_timeout', 'statement_timeout', 'timezone'],
]);

const openingWithinMs = 5_000;

export type PostgresEgressOptions = {
  readonly place: PostgresPlace & { readonly name: string };
  /** Null: the hook logs in itself. */
  readonly login: PostgresLogin | null;
  readonly connections: Connections;
  /** Gives a text without any form of a secret. */
  readonly mask: (text: string) => string;
  readonly onRefused: (what: string) => void;
};

export function postgresServer(options: PostgresEgressOptions): Server {
  const { login, connections, onRefused } = options;
  const serve = login === null ? relayed(options) : authenticated(options, login);
  return createServer({ allowHalfOpen: true }, (inside) => {
    connections.hold(inside);
    serve(inside).catch((cause: unknown) => {
      if (!inside.destroyed) onRefused(reasonOf(cause));
      inside.destroy();
    });
  });
}

function relayed({ place, connections }: PostgresEgressOptions) {
  return async (inside: Socket): Promise<void> => {
    if (place.ca === undefined) {
      relay(inside, await connections.dial(place));
      return;
    }
    const { bytes } = await readOpening(inside);
    const outside = await reachPostgres(connections, place);
    outside.write(bytes);
    relay(inside, outside);
  };
}

function authenticated(options: PostgresEgressOptions, login: PostgresLogin) {
  const { place, connections, onRefused } = options;
  /** Cancellation keys as hooks know them: the server's own never leave the gate. */
  const cancellations = new Map<string, Buffer>();
  return async (inside: Socket): Promise<void> => {
    const { opening } = await readOpening(inside);
    if (opening.kind === 'cancel') {
      const request = cancellations.get(cancellationName(opening));
      if (request === undefined) throw new Error('a request to cancel what was not begun here');
      const outside = await reachPostgres(connections, place);
      outside.end(request);
      outside.resume();
      outside.once('close', () => inside.destroy());
      return;
    }
    const ignored = ignoredParameters(opening.parameters);
    if (ignored.length > 0) onRefused(`not passed on from the hook: ${ignored.join(', ')}`);
    const outside = await reachFor(inside, options, login, opening);
    if (outside === null) return;
    const { socket, greeting, cancellation } = outside;
    if (opening.minor > 0 || opening.unknown.length > 0) inside.write(negotiation(opening.unknown));
    inside.write(authenticationOk);
    const ready = greeting.length - 1;
    for (const message of greeting.slice(0, ready)) inside.write(message);
    if (cancellation !== null) {
      const { processId } = cancellation;
      const key = randomBytes(4);
      const name = cancellationName({ processId, key });
      cancellations.set(name, cancelRequest(processId, cancellation.key));
      inside.once('close', () => cancellations.delete(name));
      const number = Buffer.alloc(4);
      number.writeUInt32BE(processId);
      inside.write(encode({ type: 'K', body: Buffer.concat([number, key]) }));
    }
    for (const message of greeting.slice(ready)) inside.write(message);
    relay(inside, socket);
  };
}

/** Null when there is no session; the hook has been told why. */
async function reachFor(
  inside: Socket,
  { place, connections, mask, onRefused }: PostgresEgressOptions,
  login: PostgresLogin,
  { parameters }: Extract<Opening, { kind: 'startup' }>,
) {
  try {
    const outside = await reachPostgres(connections, place);
    const harmless = [...parameters].filter(([name]) => passed.has(name.toLowerCase()));
    return await logIn(outside, login, new Map([['database', place.name], ...harmless]));
  } catch (cause) {
    onRefused(`the database could not be reached: ${reasonOf(cause)}`);
    inside.write(
      cause instanceof ServerRefusal
        ? errorResponse(new Map([...cause.fields].map(([name, text]) => [name, mask(text)])))
        : fatal('08006', mask(`the gate could not reach the database: ${reasonOf(cause)}`)),
    );
    inside.destroySoon();
    return null;
  }
}

function ignoredParameters(parameters: ReadonlyMap<string, string>): string[] {
  // Every client names a user and most a database; neither was a wish.
  const usual = new Set(['user', 'database']);
  return [...parameters.keys()]
    .filter((name) => !passed.has(name.toLowerCase()) && !usual.has(name))
    .map((name) => JSON.stringify(name.slice(0, 63)));
}

function cancellationName({ processId, key }: { processId: number; key: Buffer }): string {
  return `${processId}:${key.toString('hex')}`;
}

/** Reads up to the hook's startup or cancel request; encryption inside the sandbox is declined. */
async function readOpening(
  inside: Socket,
): Promise<{ opening: Exclude<Opening, { kind: 'encryption' }>; bytes: Buffer }> {
  const late = setTimeout(() => {
    inside.destroy();
  }, openingWithinMs);
  try {
    // TLS and GSSAPI are asked for once each.
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const header = await readBytes(inside, 8);
      const length = openingLength(header);
      const body = length === 0 ? Buffer.alloc(0) : await readBytes(inside, length);
      const opening = parseOpening(header, body);
      if (opening.kind !== 'encryption') return { opening, bytes: Buffer.concat([header, body]) };
      inside.write('N');
    }
    throw new Error('a Postgres client that asks for encryption again and again');
  } finally {
    clearTimeout(late);
  }
}
