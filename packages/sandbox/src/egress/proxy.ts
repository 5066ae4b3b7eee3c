/**
 * The only way out of a sandbox: a proxy of this process on a unix socket. It resolves names itself, connects to what the list
 * allows and to nothing else, and says every decision once.
 */
import { lookup } from 'node:dns/promises';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { connect, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  isListed,
  parseTarget,
  permittedAddresses,
  type EgressEntry,
  type EgressRefusal,
} from './policy.ts';

export type EgressDecision = {
  readonly host: string;
  readonly port: number;
  readonly allowed: boolean;
  /** Why not; null when allowed. */
  readonly reason: EgressRefusal | 'malformed' | 'unreachable' | 'too-many' | null;
};

export type EgressCounts = {
  allowed: number;
  refused: number;
  /** Bytes that went out of and came into the sandbox through allowed connections. */
  bytesOut: number;
  bytesIn: number;
};

export type EgressProxy = {
  readonly counts: Readonly<EgressCounts>;
  close(): Promise<void>;
};

/** Bytes of one connection on their way out, and its end. */
export type Sent = { see(bytes: Uint8Array): void; end(): void };

export type EgressProxyOptions = {
  /** Path of the socket, which must not exist. Whoever may open it may go out. */
  readonly socketPath: string;
  readonly allow: readonly EgressEntry[];
  readonly onDecision: (decision: EgressDecision) => void;
  /**
   * Shown what a sandbox says and sends, what is refused included; of TLS that is its outside. Default: nobody is.
   *
   * @param to whom it asked for; host `unreadable` where that cannot be said.
   */
  readonly onSent?: (to: EgressEntry) => Sent;
  /** All addresses of a name. Default: as this machine resolves it. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  /** Out of the sandbox at once, those that are being made included. Default 256. */
  readonly maxConnections?: number;
};

const connectMs = 10_000;
const idleMs = 300_000;
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** RFC 9110 section 7.6.1, and what is said to the proxy alone. */
const hopByHop = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'proxy-authenticate'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade', 'host'],
]);

export async function startEgressProxy(options: EgressProxyOptions): Promise<EgressProxy> {
  const { allow, onDecision, maxConnections = 256 } = options;
  const resolve =
    options.resolve ??
    (async (host: string) => (await lookup(host, { all: true })).map(({ address }) => address));
  const counts: EgressCounts = { allowed: 0, refused: 0, bytesOut: 0, bytesIn: 0 };
  const open = new Set<Duplex>();
  let taken = 0;

  const refuse = (
    { host, port }: EgressEntry,
    reason: NonNullable<EgressDecision['reason']>,
  ): { status: number; text: string } => {
    counts.refused += 1;
    onDecision({ host, port, allowed: false, reason });
    return {
      status: reason === 'unreachable' ? 502 : 403,
      text: refusalText({ host, port }, reason),
    };
  };
  type Way = { socket: Socket } | { status: number; text: string };
  const reach = async (target: EgressEntry): Promise<Way> => {
    if (!isListed(allow, target)) return refuse(target, 'not-listed');
    if (taken >= maxConnections) return refuse(target, 'too-many');
    // Taken before anything is waited for: what asks all at once is counted one by one.
    taken += 1;
    const way = await connected(target).catch((cause: unknown) => {
      taken -= 1;
      throw cause;
    });
    if ('socket' in way) way.socket.once('close', () => (taken -= 1));
    else taken -= 1;
    return way;
  };
  const connected = async (target: EgressEntry): Promise<Way> => {
    const { host, port } = target;
    // An address of the list is permitted by standing there; a name only with the addresses that it has now.
    const addresses = isIP(host) === 0 ? await resolve(host).catch(() => null) : [host];
    if (addresses === null) return refuse(target, 'unreachable');
    const permitted = permittedAddresses(allow, addresses, port);
    if (permitted.length === 0) return refuse(target, 'private-address');
    const socket = await firstReached(permitted, port);
    if (socket === null) return refuse(target, 'unreachable');
    counts.allowed += 1;
    onDecision({ host, port, allowed: true, reason: null });
    socket.setTimeout(idleMs, () => socket.destroy());
    socket.on('error', () => {});
    socket.once('close', () => {
      counts.bytesOut += socket.bytesWritten;
      counts.bytesIn += socket.bytesRead;
      open.delete(socket);
    });
    open.add(socket);
    return { socket };
  };

  const malformed: EgressEntry = { host: 'unreadable', port: 0 };
  const server = createServer({ maxHeaderSize: 32 * 1024, keepAlive: false });
  // Those that have not asked for anything yet hold a descriptor of this process, too.
  server.maxConnections = maxConnections + 64;
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    client.on('error', () => {});
    void (async () => {
      const target = parseTarget(request.url ?? '');
      const sent = options.onSent?.(target ?? malformed);
      sent?.see(headOf(request));
      client.once('close', () => sent?.end());
      const way = target === null ? refuse(malformed, 'malformed') : await reach(target);
      if (!('socket' in way)) {
        client.end(plainAnswer(way));
        return;
      }
      const { socket } = way;
      if (client.destroyed) {
        socket.destroy();
        return;
      }
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (head.length > 0) {
        sent?.see(head);
        socket.write(head);
      }
      open.add(client);
      client.once('close', () => {
        open.delete(client);
        socket.destroy();
      });
      socket.once('close', () => client.destroy());
      if (sent !== undefined)
        client.on('data', (bytes: Buffer) => {
          sent.see(bytes);
        });
      client.pipe(socket);
      socket.pipe(client);
    })();
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    void (async () => {
      const answer = ({ status, text }: { status: number; text: string }): void => {
        response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' });
        response.end(text);
      };
      const target = plainTarget(request);
      const sent = options.onSent?.(target?.entry ?? malformed);
      sent?.see(headOf(request));
      response.once('close', () => sent?.end());
      if (target === null) {
        answer(refuse(malformed, 'malformed'));
        return;
      }
      const way = await reach(target.entry);
      if (!('socket' in way)) {
        answer(way);
        return;
      }
      const { socket } = way;
      response.once('close', () => socket.destroy());
      const outgoing = httpRequest({
        createConnection: () => socket,
        method: request.method,
        path: target.path,
        headers: { ...passed(request.headers), host: target.authority, connection: 'close' },
      });
      outgoing.on('response', (incoming) => {
        response.writeHead(incoming.statusCode ?? 502, {
          ...passed(incoming.headers),
          connection: 'close',
        });
        incoming.pipe(response);
      });
      outgoing.on('error', () => {
        if (response.headersSent) response.destroy();
        else answer({ status: 502, text: `${target.authority} ended the connection\n` });
      });
      if (sent !== undefined)
        request.on('data', (bytes: Buffer) => {
          sent.see(bytes);
        });
      request.pipe(outgoing);
    })();
  });
  server.on('upgrade', (_, client: Duplex) => client.destroy());
  server.on('clientError', (_, client: Duplex) => client.destroy());
  await new Promise<void>((done, reject) => {
    server.once('error', reject);
    server.listen({ path: options.socketPath, readableAll: true, writableAll: true }, done);
  });
  return {
    counts,
    async close() {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      for (const each of open) each.destroy();
      await closed;
    },
  };
}

/** What a request says before its body. */
const headOf = ({ method, url, rawHeaders }: IncomingMessage): Buffer =>
  Buffer.from([`${method} ${url}`, ...rawHeaders].join('\n'));

/** One line for whoever runs the build. */
export function refusalText(
  { host, port }: EgressEntry,
  reason: NonNullable<EgressDecision['reason']>,
): string {
  const to = `egress to ${host.includes(':') ? `[${host}]` : host}:${port}`;
  const lines = {
    'not-listed': `${to} is not in this pool's list; ask the platform team to add it to egress.allow of the runner`,
    'private-address': `${to} leads to a private address; list that address itself, too, if it is meant`,
    malformed: 'egress: neither CONNECT host:port nor a plain http request; nothing else goes out',
    unreachable: `${to} is allowed and cannot be reached`,
    'too-many': `${to}: too many connections are open; close some`,
  };
  return `${lines[reason]}\n`;
}

function plainTarget(
  request: IncomingMessage,
): { entry: EgressEntry; path: string; authority: string } | null {
  const match = /^http:\/\/([^/?#@\s]+)(\/[^#\s]*|\?[^#\s]*)?$/i.exec(request.url ?? '');
  if (match === null || !methods.has(request.method ?? '')) return null;
  const authority = match[1] ?? '';
  const entry = parseTarget(/:\d+$/.test(authority) ? authority : `${authority}:80`);
  if (entry === null) return null;
  const rest = match[2] ?? '/';
  return { entry, path: rest.startsWith('?') ? `/${rest}` : rest, authority };
}

function passed(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  const named = (headers.connection ?? '').toLowerCase().split(/\s*,\s*/);
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !hopByHop.has(name) && !named.includes(name)),
  );
}

function plainAnswer({ status, text }: { status: number; text: string }): string {
  const reason = status === 403 ? 'Forbidden' : 'Bad Gateway';
  return `HTTP/1.1 ${status} ${reason}\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`;
}

/** Tries one address after the other: what was checked is what is connected to. */
async function firstReached(addresses: readonly string[], port: number): Promise<Socket | null> {
  for (const host of addresses) {
    const socket = connect({ host, port, allowHalfOpen: true });
    const reached = await new Promise<boolean>((resolve) => {
      socket.setTimeout(connectMs, () => {
        resolve(false);
      });
      socket.once('connect', () => {
        resolve(true);
      });
      socket.once('error', () => {
        resolve(false);
      });
    });
    if (reached) return socket;
    socket.destroy();
  }
  return null;
}
