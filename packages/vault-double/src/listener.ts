/** The socket on which the stand-in listens: plain, or TLS that asks for a client certificate and takes any. */
import type { X509Certificate } from 'node:crypto';
import { type IncomingMessage, type RequestListener, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';

export type Listener = {
  /** Such as `http://127.0.0.1:8200`. */
  readonly address: string;
  close(): void;
};

/** PEM texts. */
export type ServerIdentity = { certificatePem: string; keyPem: string };

/** @param options.port 0 picks a free one. @throws what listening throws, such as EADDRINUSE. */
export async function listen({
  host,
  port,
  tls,
  handle,
}: {
  host: '127.0.0.1' | '::1';
  port: number;
  tls: ServerIdentity | null;
  handle: RequestListener;
}): Promise<Listener> {
  const server =
    tls === null
      ? createServer(handle)
      : createTlsServer(
          {
            cert: tls.certificatePem,
            key: tls.keyPem,
            minVersion: 'TLSv1.2',
            requestCert: true,
            // Which certificates are good is for the auth method to say, not for the connection.
            rejectUnauthorized: false,
          },
          handle,
        );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  // A TCP listener's address is an AddressInfo; only pipes answer with text.
  const bound = server.address() as AddressInfo;
  const name = host === '::1' ? '[::1]' : host;
  return {
    address: `${tls === null ? 'http' : 'https'}://${name}:${bound.port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** What the client showed in the handshake; null on a plain connection or without a certificate. */
export function clientCertificateOf(request: IncomingMessage): X509Certificate | null {
  return request.socket instanceof TLSSocket
    ? (request.socket.getPeerX509Certificate() ?? null)
    : null;
}
