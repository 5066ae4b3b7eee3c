/** One request of an attacker's own making: nothing is added, normalised or followed. */
import { request } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';

export interface Knock {
  readonly method?: string;
  /** Sent as it stands, dots and all. */
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

export interface Heard {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

const mostBytes = 4 * 1024 * 1024;

export function knock(
  origin: string,
  { method = 'GET', path, headers, body }: Knock,
): Promise<Heard> {
  const url = new URL(origin);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        ...{ method, path, agent: false, timeout: 20_000, port: url.port },
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
