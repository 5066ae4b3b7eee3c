/**
 * Mutual TLS between Airlock's processes: TLS 1.3, a private CA per edge, and one URI in the certificate as the peer's name.
 * A certificate without the right extended key usage, or with two URIs, names nobody.
 */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { AirlockError } from '@airlock/common/errors';

export type TlsErrorCode = 'configuration-tls-file' | 'peer-identity-unexpected';

export class TlsError extends AirlockError<TlsErrorCode> {}

export type MutualTlsSettings = {
  caFile: string;
  certificateFile: string;
  keyFile: string;
  /** The one URI that the server's certificate must carry, such as `airlock:nonprod:runner-api`. */
  serverIdentity: string;
};

const serverAuthentication = '1.3.6.1.5.5.7.3.1';
const clientAuthentication = '1.3.6.1.5.5.7.3.2';

/**
 * A keep-alive agent for node:https that shows the client's certificate and talks to nobody but `serverIdentity`.
 * The server's host name is not compared: its name is the URI, and the CA signs for this edge alone.
 *
 * @throws TlsError `configuration-tls-file`; requests fail with `peer-identity-unexpected` for another server.
 */
export function mutualTlsAgent(settings: MutualTlsSettings): Agent {
  const { serverIdentity } = settings;
  return new Agent({
    ca: readTlsFile(settings.caFile),
    cert: readTlsFile(settings.certificateFile),
    key: readTlsFile(settings.keyFile),
    keepAlive: true,
    minVersion: 'TLSv1.3',
    checkServerIdentity: (host, { raw }) => {
      const found = certificateIdentity(new X509Certificate(raw), serverAuthentication);
      if (found === serverIdentity) return undefined;
      return new TlsError(
        'peer-identity-unexpected',
        `${host} is ${found ?? 'a server without one URI name'}, expected ${serverIdentity}; check serverIdentity and the address`,
      );
    },
  });
}

/** The one URI name of the client at the other end of a server's socket; null when it did not prove exactly one. */
export function peerIdentity(socket: TLSSocket): string | null {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  return certificate === undefined ? null : clientIdentity(certificate);
}

/** The one URI name of a client's certificate; null for one that is no client's, or names several. */
export function clientIdentity(certificate: X509Certificate): string | null {
  return certificateIdentity(certificate, clientAuthentication);
}

function certificateIdentity(certificate: X509Certificate, usage: string): string | null {
  // OpenSSL accepts a certificate without any extended key usage for every use.
  // Typed as always present; undefined when the extension is missing.
  const usages = certificate.keyUsage as string[] | undefined;
  if (usages?.includes(usage) !== true) return null;
  const uris: string[] = [];
  // Node quotes a name that holds a comma or a quote, so that one name cannot pass for two (CVE-2021-44532).
  const entry = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;
  const text = certificate.subjectAltName ?? '';
  while (entry.lastIndex < text.length) {
    const found = entry.exec(text);
    if (found === null) return null;
    if (found[1] === 'URI') uris.push(found[2] ?? '');
  }
  const [uri, ...others] = uris;
  // A quoted name is none of ours.
  return uri === undefined || others.length > 0 || uri.startsWith('"') ? null : uri;
}

function readTlsFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new TlsError(
      'configuration-tls-file',
      `${file} cannot be read; check that the path is right and that this process's user may read it`,
      { cause },
    );
  }
}
