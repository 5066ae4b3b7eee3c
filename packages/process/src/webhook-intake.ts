/**
 * Takes webhooks over HTTP: `POST /hooks/git/:provider[/:repository]`. Nothing of a body is read before its sender may send
 * it, it is handed on as the bytes that came, and it is answered once `take` has done with it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Provider } from '@airlock/common/webhook/provider';
import type { Headers } from '@airlock/common/webhook/signature';

/** GitHub sends up to 25 MB, for pushes of thousands of commits; those are found by polling. */
export const maxWebhookBytes = 5 * 1024 * 1024;
/** Of all requests together: whoever may not send can fill no more memory than this. */
const maxBytesTogether = 64 * 1024 * 1024;

export const webhookPrefix = '/hooks/git/';

/** Who may send to a path, and the secret that shows it. */
export interface Hook {
  readonly provider: Provider;
  /** Null for a hook of the whole installation. */
  readonly repository: string | null;
  readonly secret: string;
}

export interface WebhookDelivery {
  readonly hook: Hook;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** When it came to the first of ours. */
  readonly at: Date;
  /** Address that it came from. */
  readonly from: string;
  readonly relayed: boolean;
}

export interface IntakeAnswer {
  readonly status: 202 | 400 | 403 | 503;
  readonly code: string;
  readonly detail: string;
}

export type TakeDelivery = (delivery: WebhookDelivery) => Promise<IntakeAnswer>;

export interface RefusedDelivery {
  readonly provider: string;
  readonly repository: string;
  readonly code: string;
  readonly from: string;
}

export interface WebhookIntake {
  readonly prefix: string;
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** @param options.maySend asked before a byte of the body is read. Default: everybody may. */
export function createWebhookIntake(options: {
  /** Null for what no hook stands at. */
  hookAt(provider: string, repository: string | null): Promise<Hook | null>;
  readonly take: TakeDelivery;
  onRefused(refused: RefusedDelivery): void;
  sourceOf(request: IncomingMessage): string;
  maySend?(hook: Hook, from: string): boolean;
  clock(): Date;
}): WebhookIntake {
  let held = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').slice(webhookPrefix.length);
    const slash = path.indexOf('/');
    const provider = slash === -1 ? path : path.slice(0, slash);
    const hook = await options.hookAt(provider, slash === -1 ? null : path.slice(slash + 1));
    const from = options.sourceOf(request);
    const refuse = (status: number, code: string, detail: string): void => {
      const { provider: named = '', repository = '' } = hook ?? {};
      options.onRefused({ provider: named, repository: repository ?? '', code, from });
      answer(response, status, code, detail);
    };
    if (hook === null || request.method !== 'POST') {
      refuse(404, 'not-found', 'there is no webhook of this address');
      return;
    }
    if (options.maySend?.(hook, from) === false) {
      refuse(
        403,
        'source-refused',
        `${from} is not among the addresses that this webhook comes from`,
      );
      return;
    }
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      refuse(415, 'encoding-refused', 'a compressed body is not taken; send it as it is');
      return;
    }
    const body = await read(request);
    if (body === 'busy') {
      answer(response, 503, 'busy', 'too much is on its way in; send it again');
      return;
    }
    if (body === 'too-large') {
      refuse(413, 'too-large', `more than ${maxWebhookBytes} bytes`);
      return;
    }
    try {
      const headers = textHeaders(request);
      const delivery = { hook, headers, body, at: options.clock(), from, relayed: false };
      const { status, code, detail } = await options.take(delivery);
      answer(response, status, code, detail);
    } finally {
      held -= body.length;
    }
  }

  /** What is returned counts as held until the caller lets go of it. */
  async function read(request: IncomingMessage): Promise<Buffer | 'too-large' | 'busy'> {
    if (Number(request.headers['content-length'] ?? 0) > maxWebhookBytes) return 'too-large';
    if (held > maxBytesTogether) return 'busy';
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of request) {
        if (!Buffer.isBuffer(chunk)) throw new TypeError('the request has an encoding set');
        size += chunk.length;
        held += chunk.length;
        // Asked with each piece: many that began while there was room fill it together.
        if (size > maxWebhookBytes || held > maxBytesTogether) {
          const why = size > maxWebhookBytes ? 'too-large' : 'busy';
          held -= size;
          return why;
        }
        chunks.push(chunk);
      }
    } catch (error) {
      held -= size;
      throw error;
    }
    const [only] = chunks;
    return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
  }

  return { prefix: webhookPrefix, handle };
}

/** What came twice is joined, so that it holds for nothing. */
function textHeaders(request: IncomingMessage): Headers {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
}

function answer(response: ServerResponse, status: number, code: string, detail: string): void {
  const text = JSON.stringify(status === 202 ? { delivery: code } : { status, code, detail });
  response.writeHead(status, {
    'content-type': status === 202 ? 'application/json' : 'application/problem+json',
    'content-length': Buffer.byteLength(text),
    ...(status === 503 ? { 'retry-after': '5' } : {}),
    // What is left of a body that was not read is not waited for.
    ...(status === 202 || status === 400 ? {} : { connection: 'close' }),
  });
  response.end(text);
}
