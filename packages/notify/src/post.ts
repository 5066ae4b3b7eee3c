/** One POST to an address of the configuration. No redirect is followed, and no more than the start of an answer is read. */
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { failed, type Outcome } from './notification.ts';
import { oneLine } from './plain-text.ts';
import type { Reach } from './reach.ts';

const timeoutMs = 15_000;
const mostOfAnswer = 4096;
const mostSecondsToWait = 3600;

export interface Posting {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly reach: Reach;
  /** PEM of the authorities that the receiver's certificate may come from; undefined: those that Node knows. */
  readonly ca: Buffer | undefined;
  readonly signal: AbortSignal;
}

/** Never throws for what the other side does. Plain http goes only to a network that the configuration lists. */
export async function post({ url, headers, body, reach, ca, signal }: Posting): Promise<Outcome> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const reached = await reach.addressOf(host);
  if (!reached.ok) return failed(reached.why, reached);
  const isPlain = url.protocol === 'http:';
  if (isPlain && !reached.isListed) {
    return failed(`${host} is addressed without TLS; write https://`, { isFinal: true });
  }
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  return new Promise((resolve) => {
    const request = (isPlain ? requestHttp : requestHttps)({
      method: 'POST',
      host: reached.address,
      port: url.port === '' ? undefined : Number(url.port),
      path: `${url.pathname}${url.search}`,
      headers: {
        ...{ host: url.host, 'user-agent': 'airlock', 'content-length': String(body.length) },
        ...headers,
      },
      agent: false,
      signal: limit,
      minVersion: 'TLSv1.2',
      // The certificate has to be of the name, whatever address that name led to.
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(ca === undefined ? {} : { ca }),
    });
    request.on('error', (cause) => {
      resolve(failed(`${host}: ${reasonOf(cause, signal)}`));
    });
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const answer = (): void => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve(judge(host, response.statusCode ?? 0, text, response.headers['retry-after']));
        request.destroy();
      };
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > mostOfAnswer) answer();
      });
      response.on('end', answer);
      response.on('error', answer);
    });
    request.end(body);
  });
}

function reasonOf(cause: Error, outer: AbortSignal): string {
  if (outer.aborted) return 'this process stops';
  if (cause.name === 'AbortError') return `no answer within ${timeoutMs / 1000} s`;
  return oneLine(cause.message, 200);
}

function judge(
  host: string,
  status: number,
  text: string,
  retryAfter: string | undefined,
): Outcome {
  if (status >= 200 && status < 300) return { sent: true };
  const why = `${host} answers ${status}: ${oneLine(text, 200)}`;
  if (status >= 300 && status < 400) {
    return failed(
      `${host} answers ${status}; redirects are not followed, write the address itself`,
      {
        isFinal: true,
      },
    );
  }
  const seconds = /^\d{1,9}$/.test(retryAfter ?? '') ? Number(retryAfter) : null;
  const isFinal = status >= 400 && status < 500 && ![408, 425, 429].includes(status);
  const retryAfterSeconds = seconds === null ? null : Math.min(seconds, mostSecondsToWait);
  return failed(why, { isFinal, retryAfterSeconds });
}
