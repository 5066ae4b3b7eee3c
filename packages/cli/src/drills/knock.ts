/** One request of an attacker's own making: nothing is added, normalised or followed. */
import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';

export interface Knock {
  readonly method?: string;
  /** Sent as it stands, dots and all. */
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  /** Who knocks at a door of machines. Default somebody without a certificate, who takes any server's. */
  readonly agent?: Agent;
}

export interface Heard {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

const mostBytes = 4 * 1024 * 1024;

export function knock(
  origin: string,
  { method = 'GET', path, headers, body, agent }: Knock,
): Promise<Heard> {
  const url = new URL(origin);
  const isTls = url.protocol === 'https:';
  const request = isTls ? httpsRequest : httpRequest;
  const nobody = isTls ? new Agent({ rejectUnauthorized: false, keepAlive: false }) : false;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        ...{
          method,
          path: `${url.pathname.replace(/\/$/, '')}${path}`,
          agent: agent ?? nobody,
          timeout: 20_000,
          port: url.port,
        },
        // *.localhost is loopback by RFC 6761, which the C library of many systems does not know.
        hostname: url.hostname.endsWith('.localhost') ? '127.0.0.1' : url.hostname,
        headers: { host: url.host, ...headers },
      },
      (incoming) => {
        let text = '';
        incoming.setEncoding('utf8').on('data', (part: string) => {
          if (text.length < mostBytes) text += part;
        });
        incoming.on('error', reject);
        incoming.on('end', () => {
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text });
        });
      },
    );
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`${url.origin} gave no answer in 20 s`)),
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
