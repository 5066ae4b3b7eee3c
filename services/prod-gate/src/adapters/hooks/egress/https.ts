/**
 * The socket of an HTTPS interface. The hook speaks plain HTTP/1.1 to it; each request that the target file lets pass goes to
 * that one host over a TLS connection of its own, with the credential that the hook never sees. Redirects are answers like any
 * other. One parser reads the hook's request, strictly, and what goes out is written anew from what it read.
 */
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { pipeline } from 'node:stream';
import { reasonOf, type Connections, type TlsPeer } from './connections.ts';
import { authorityOf, passedHeaders, requestFault, type RequestRules } from './https-request.ts';
import { quoted } from './refusals.ts';

const maxHeaderBytes = 16 * 1024;
const headersWithinMs = 3_000;
/** One connection of the hook's can hold any number of requests, and each has a connection of its own to the target. */
const mostAtOnce = 16;

export type HttpsEgressOptions = {
  readonly rules: RequestRules;
  readonly peer: TlsPeer;
  /** Value of the header that carries the credential; null where none does. */
  readonly headerValue: string | null;
  readonly connections: Connections;
  readonly onRefused: (what: string) => void;
};

export function httpsServer(options: HttpsEgressOptions): Server {
  const { rules, connections, onRefused } = options;
  let underWay = 0;
  const server = createServer(
    {
      insecureHTTPParser: false,
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: headersWithinMs,
      // A release may be long; the hook's own limit ends it.
      requestTimeout: 0,
      connectionsCheckingInterval: 500,
    },
    (incoming, answer) => {
      const { method = '', url = '', rawHeaders } = incoming;
      const fault = requestFault(rules, { method, target: url, rawHeaders });
      if (fault !== null) {
        onRefused(`${method} ${quoted(url)} refused: ${fault}`);
        refuse(answer, 403, fault);
        return;
      }
      if (underWay >= mostAtOnce) {
        const reason = `more than ${mostAtOnce} requests at once`;
        onRefused(reason);
        refuse(answer, 503, reason);
        return;
      }
      underWay += 1;
      forward(options, incoming, answer)
        .catch((cause: unknown) => {
          const reason = reasonOf(cause);
          onRefused(`${method} ${quoted(url)} got no answer: ${reason}`);
          if (answer.headersSent) answer.destroy();
          else refuse(answer, 502, reason);
        })
        .finally(() => {
          underWay -= 1;
        });
    },
  );
  server.on('connection', (socket) => {
    connections.hold(socket);
  });
  server.on('connect', (incoming, socket) => {
    onRefused(`CONNECT ${quoted(incoming.url ?? '')} refused: this is no proxy for other places`);
    socket.end('HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    onRefused(`what came is no HTTP request (${error.code ?? 'malformed'})`);
    const status =
      error.code === 'HPE_HEADER_OVERFLOW'
        ? '431 Request Header Fields Too Large'
        : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
          ? '408 Request Timeout'
          : '400 Bad Request';
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });
  return server;
}

async function forward(
  { rules, peer, headerValue, connections }: HttpsEgressOptions,
  incoming: IncomingMessage,
  answer: ServerResponse,
): Promise<void> {
  const socket = await connections.secure(await connections.dial(rules), peer);
  if (incoming.destroyed) {
    socket.destroy();
    return;
  }
  const outgoing = httpRequest({
    createConnection: () => socket,
    method: incoming.method,
    path: incoming.url,
    setHost: false,
    maxHeaderSize: maxHeaderBytes,
    insecureHTTPParser: false,
  });
  const own = [
    ...['host', 'expect', 'content-length'],
    ...(rules.header === null ? [] : [rules.header]),
  ];
  outgoing.setHeader('Host', authorityOf(rules).replace(/:443$/, ''));
  for (const [name, value] of passedHeaders(incoming.rawHeaders, own)) {
    outgoing.appendHeader(name, value);
  }
  if (rules.header !== null && headerValue !== null) outgoing.setHeader(rules.header, headerValue);
  // The parser read the body by this and by nothing else; Connection may name either and must not take it away, because a body
  // without a length is the next request.
  const { 'content-length': length, 'transfer-encoding': coding } = incoming.headers;
  if (length !== undefined) outgoing.setHeader('Content-Length', length);
  if (coding !== undefined) outgoing.setHeader('Transfer-Encoding', 'chunked');
  answer.once('close', () => {
    socket.destroy();
  });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('upgrade', () => {
      reject(new Error('it changes the protocol, which does not pass'));
    });
    outgoing.once('error', reject);
    outgoing.once('close', () => {
      reject(new Error('the connection ended before the answer'));
    });
    pipeline(incoming, outgoing, (error) => {
      if (error instanceof Error) reject(error);
    });
  });
  answer.sendDate = false;
  answer.writeHead(
    response.statusCode ?? 502,
    response.statusMessage,
    passedHeaders(response.rawHeaders, []).flat(),
  );
  await new Promise<void>((resolve, reject) => {
    pipeline(response, answer, (error) => {
      if (error instanceof Error) reject(error);
      else resolve();
    });
  });
}

/** Ends the connection, too: what is left of the body is not read. */
function refuse(answer: ServerResponse, status: number, reason: string): void {
  answer.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' });
  answer.end(`the gate: ${reason}\n`);
}
