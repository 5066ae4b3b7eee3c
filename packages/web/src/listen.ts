/** Listening for people: by plain HTTP behind somebody's proxy, or by HTTPS with what leads there. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { AirlockError } from '@airlock/common/errors';
import { closeToOthers } from '@airlock/process/closed-to-others';
import type { Log } from '@airlock/process/log';
import type { WebListen, WebTls } from './listen-settings.ts';

export class ListenError extends AirlockError<'configuration-refused'> {}

export interface Listening {
  close(): Promise<void>;
}

const lookMs = 30_000;
const bounds = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
};

/**
 * @param site.origin as browsers see it; its scheme is https where `settings` has TLS.
 * @throws ListenError when a port is taken, a certificate cannot be read, or the origin is another scheme's.
 */
export async function listenForPeople(
  settings: WebListen,
  site: {
    readonly origin: URL;
    readonly log: Log;
    /** Whether callers may show a certificate of any authority, for `handle` to judge. Default false. */
    readonly asksForCertificate?: boolean;
  },
  handle: RequestListener,
): Promise<Listening> {
  const { tls = null, host, port, allowFrom = null } = settings;
  const wallOff = (server: Server): void => {
    closeToOthers(server, allowFrom, { setting: 'listen.allowFrom', log: site.log });
  };
  if (tls === null) {
    const server = createServer(bounds, handle);
    wallOff(server);
    await listenAt(server, { host, port, setting: 'listen.port' });
    return { close: () => closeServer(server) };
  }
  if (site.origin.protocol !== 'https:') {
    throw new ListenError(
      'configuration-refused',
      `listen.tls: the origin ${site.origin.origin} is not https; write https:// there, or leave tls out`,
    );
  }
  const stamp = stampOf(tls);
  const server = tlsServer(tls, site.asksForCertificate === true, handle);
  wallOff(server);
  await listenAt(server, { host, port, setting: 'listen.port' });
  const stopLooking = followCertificate(server, tls, { stamp, log: site.log });
  if (tls.redirectPort === null) {
    return {
      close() {
        stopLooking();
        return closeServer(server);
      },
    };
  }
  const plain = createServer(bounds, leadToHttps(site.origin));
  wallOff(plain);
  try {
    await listenAt(plain, { host, port: tls.redirectPort, setting: 'listen.tls.redirectPort' });
  } catch (error) {
    stopLooking();
    await closeServer(server);
    throw error;
  }
  return {
    async close() {
      stopLooking();
      await Promise.all([closeServer(server), closeServer(plain)]);
    },
  };
}

/**
 * Leads whoever reads a page to the same page by HTTPS. What carries a token, calls the API or changes something is refused
 * instead: it went over the network in the clear already, and being led on would hide that.
 */
export function leadToHttps(origin: URL): RequestListener {
  return (request, response) => {
    const { method, headers, url = '/' } = request;
    response.setHeader('cache-control', 'no-store');
    response.setHeader('connection', 'close');
    const isPage = (method === 'GET' || method === 'HEAD') && !url.startsWith('/api/');
    if (headers.host?.replace(/:\d+$/, '') !== origin.hostname) {
      response.writeHead(421).end();
    } else if (isPage && headers.authorization === undefined && url.startsWith('/')) {
      response.writeHead(308, { location: `${origin.origin}${url}` }).end();
    } else {
      response
        .writeHead(403, { 'content-type': 'text/plain; charset=utf-8' })
        .end(
          `This came unencrypted, so that nothing was done. Use ${origin.origin}, and replace any token that was sent.\n`,
        );
    }
  };
}

interface Credentials {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Left out, Node would take whatever public authority a client's certificate is of; so it is asked for with one alone. */
  readonly ca?: Buffer;
  readonly minVersion: 'TLSv1.2';
}

function readCredentials({ certificateFile, keyFile, clientCaFile }: WebTls): Credentials {
  const read = (setting: string, file: string): Buffer => {
    try {
      return readFileSync(file);
    } catch (cause) {
      throw new ListenError(
        'configuration-refused',
        `listen.tls.${setting}: ${file} cannot be read; correct the path or its permissions`,
        { cause },
      );
    }
  };
  return {
    cert: read('certificateFile', certificateFile),
    key: read('keyFile', keyFile),
    ...(clientCaFile === null
      ? {}
      : { ca: authorities(clientCaFile, read('clientCaFile', clientCaFile)) }),
    minVersion: 'TLSv1.2',
  };
}

/** OpenSSL takes a file that names nobody without a word, and would let nobody in. */
function authorities(file: string, pem: Buffer): Buffer {
  try {
    new X509Certificate(pem);
    return pem;
  } catch (cause) {
    throw new ListenError(
      'configuration-refused',
      `listen.tls.clientCaFile: ${file} holds no certificate; write those of the authorities there, in PEM`,
      { cause },
    );
  }
}

function tlsServer(tls: WebTls, mayShowOne: boolean, handle: RequestListener): TlsServer {
  const mustShowOne = tls.clientCaFile !== null;
  try {
    // A peer that never shakes hands holds a connection no longer than one that never sends its headers.
    const options = {
      ...bounds,
      ...readCredentials(tls),
      ...{ requestCert: mustShowOne || mayShowOne, rejectUnauthorized: mustShowOne },
      handshakeTimeout: 10_000,
    };
    return createTlsServer(options, handle);
  } catch (cause) {
    if (cause instanceof ListenError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ListenError(
      'configuration-refused',
      `listen.tls: ${tls.certificateFile} and ${tls.keyFile} are no certificate and its key: ${why}`,
      { cause },
    );
  }
}

const stampOf = ({ certificateFile, keyFile, clientCaFile }: WebTls): string =>
  [certificateFile, keyFile, ...(clientCaFile === null ? [] : [clientCaFile])]
    .map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 'none')
    .join(' ');

/** A certificate is renewed by another program; one that cannot be used leaves the old one, is told once and tried again. */
function followCertificate(
  server: TlsServer,
  tls: WebTls,
  { stamp, log }: { readonly stamp: string; readonly log: Log },
): () => void {
  let known = stamp;
  let told = '';
  const timer = setInterval(() => {
    const now = stampOf(tls);
    if (now === known) return;
    try {
      server.setSecureContext(readCredentials(tls));
      known = now;
      log.info('tls.certificate-changed', { file: tls.certificateFile });
    } catch (error) {
      if (told === now) return;
      told = now;
      log.error('tls.certificate-unusable', {
        file: tls.certificateFile,
        error: error instanceof Error ? error : new Error(String(error)),
      });
    }
  }, lookMs);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}

/** @throws ListenError when the port is taken; `setting` names it. */
export async function listenAt(
  server: Server,
  {
    host,
    port,
    setting,
  }: { readonly host: string; readonly port: number; readonly setting: string },
): Promise<void> {
  server.maxConnections = 2_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new ListenError(
              'configuration-refused',
              `${setting}: ${host}:${port} is taken by another process; end it or choose another port`,
            )
          : error,
      );
    });
    server.listen(port, host, resolve);
  });
}

export async function closeServer(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
    // Event streams never end by themselves.
    server.closeAllConnections();
  });
}
