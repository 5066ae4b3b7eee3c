/**
 * The connections of one egress: the gate's side of a socket in the sandbox, and the one place that it leads to. All of them
 * end when the hook does.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

const connectWithinMs = 5_000;

export type Connections = {
  /** Ties a socket's life to the hook's. */
  hold<T extends Socket>(socket: T): T;
  /** @throws Error with a sentence for a person when there is no connection within 5 s. */
  dial(place: { readonly host: string; readonly port: number }): Promise<Socket>;
  /**
   * TLS over a connection, with `ca` as the only authorities and `host` as the name that the certificate must hold.
   *
   * @throws Error with a sentence for a person.
   */
  secure(socket: Socket, to: TlsPeer): Promise<TLSSocket>;
  /** Cuts everything. */
  destroyAll(): void;
};

export type TlsPeer = {
  readonly host: string;
  /** PEM. */
  readonly ca: string;
  /** What this side shows for itself; PEM, the certificate followed by its chain. */
  readonly client?: { readonly certificate: string; readonly privateKey: string };
};

export function createConnections(): Connections {
  const held = new Set<Socket>();
  let isOver = false;
  function hold<T extends Socket>(socket: T): T {
    held.add(socket);
    // Who waits for it is told by its close.
    socket.on('error', () => {});
    socket.once('close', () => held.delete(socket));
    if (isOver) socket.destroy();
    return socket;
  }
  return {
    hold,
    async dial({ host, port }) {
      const socket = hold(connect({ host, port, allowHalfOpen: true }));
      try {
        await arrival(socket, 'connect');
        return socket;
      } catch (cause) {
        throw new Error(`${host}:${port}: ${reasonOf(cause)}`, { cause });
      }
    },
    async secure(socket, { host, ca, client }) {
      const secured = hold(
        connectTls({
          socket,
          host,
          // A name for the server to choose its certificate by; an address is none (RFC 6066 section 3).
          ...(/^[0-9.]+$|:/.test(host) ? {} : { servername: host }),
          ca,
          ...(client === undefined ? {} : { cert: client.certificate, key: client.privateKey }),
          minVersion: 'TLSv1.2',
          // Said, because NODE_TLS_REJECT_UNAUTHORIZED could have turned it off.
          rejectUnauthorized: true,
        }),
      );
      try {
        await arrival(secured, 'secureConnect');
        return secured;
      } catch (cause) {
        throw new Error(`TLS with ${host}: ${reasonOf(cause)}`, { cause });
      }
    },
    destroyAll() {
      isOver = true;
      for (const socket of held) socket.destroy();
    },
  };
}

function arrival(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      socket.destroy(new Error(`nothing within ${connectWithinMs / 1000} s`));
    }, connectWithinMs);
    socket.once(event, () => {
      clearTimeout(late);
      resolve();
    });
    socket.once('error', reject);
    socket.once('close', () => {
      clearTimeout(late);
      reject(new Error('the connection was closed'));
    });
  });
}

/** A sentence for a person. */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'failed';
  // One error for every address of a name has no message of its own.
  return cause.message === '' && 'code' in cause ? String(cause.code) : cause.message;
}

/** Carries bytes both ways until both sides have said their last; a side that breaks ends the other. */
export function relay(inside: Socket, outside: Socket): void {
  inside.pipe(outside);
  outside.pipe(inside);
  for (const [one, other] of [
    [inside, outside],
    [outside, inside],
  ] as const) {
    one.once('close', () => {
      // What was sent before still goes out.
      if (one.errored === null) other.destroySoon();
      else other.destroy();
    });
    if (one.destroyed) other.destroy();
  }
}

/** @throws Error when the stream ends before. */
export async function readBytes(socket: Socket, count: number): Promise<Buffer> {
  for (;;) {
    const chunk: unknown = socket.read(count);
    if (Buffer.isBuffer(chunk) && chunk.length === count) return chunk;
    if (chunk !== null || socket.readableEnded || socket.destroyed) {
      throw new Error('the connection ended in the middle of a message');
    }
    await new Promise<void>((resolve) => {
      const events = ['readable', 'end', 'close', 'error'];
      const done = (): void => {
        for (const event of events) socket.off(event, done);
        resolve();
      };
      for (const event of events) socket.on(event, done);
    });
  }
}
