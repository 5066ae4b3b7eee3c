/**
 * `POST /hooks/git/:provider[/:repository]`: bytes in, one row on disk, 202 out. Nothing of a body is read before its
 * signature holds, and nothing of it is acted on here: the scheduler does, from the row.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Intake } from '@airlock/web/server';
import type { Bell } from '../app/ports.ts';
import type { DeliveryStore, Hook, RefusedDelivery } from '../app/source-ports.ts';
import { lookAtWebhooks } from '../bells.ts';
import { authenticity, identityOf, type Headers } from '../domain/webhook/signature.ts';
import type { Events } from '../events.ts';

/** GitHub sends up to 25 MB, for pushes of thousands of commits; those are found by polling. */
const maxBytes = 5 * 1024 * 1024;
/** Of all requests together: whoever may not send yet can fill no more memory than this. */
const maxBytesTogether = 64 * 1024 * 1024;

export interface IntakeAnswer {
  readonly status: 202 | 400 | 403;
  readonly code: string;
  readonly detail: string;
}

export interface WebhookDelivery {
  readonly hook: Hook;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** When it came: to us, or to the relay in front. */
  readonly at: Date;
  readonly from: string;
  readonly relayed: boolean;
}

export type TakeDelivery = (delivery: WebhookDelivery) => Promise<IntakeAnswer>;

/** What is done with a delivery, whichever way it came. Rejects when it could not be written down. */
export function createTakeDelivery(ports: {
  readonly deliveries: Pick<DeliveryStore, 'take'>;
  readonly bell: Bell;
  readonly events: Pick<Events, 'webhookTaken'>;
  onRefused(refused: RefusedDelivery): void;
}): TakeDelivery {
  return async ({ hook, headers, body, at, from, relayed }) => {
    const { provider, repository } = hook;
    const refuse = (status: 400 | 403, code: string, detail: string): IntakeAnswer => {
      ports.onRefused({ provider, repository: repository ?? '', code, from });
      return { status, code, detail };
    };
    const judged = authenticity(provider, { headers, body, at }, hook.secret);
    if (!judged.authentic) return refuse(403, judged.code, judged.why);
    const identity = identityOf(provider, headers);
    if ('missing' in identity) {
      return refuse(400, 'header-missing', `${identity.missing} is missing or malformed`);
    }
    const { id, event } = identity;
    const isNew = await ports.deliveries.take({ provider, repository, id, event, body, relayed });
    ports.events.webhookTaken({ provider, id, event, repeated: !isNew });
    if (isNew) ports.bell.ring(lookAtWebhooks);
    return isNew
      ? { status: 202, code: 'taken', detail: 'written down' }
      : { status: 202, code: 'repeated', detail: 'it came before' };
  };
}

export function createWebhookIntake(ports: {
  /** Null for what no hook stands at. */
  hookAt(provider: string, repository: string | null): Promise<Hook | null>;
  readonly take: TakeDelivery;
  onRefused(refused: RefusedDelivery): void;
  clock(): Date;
}): Intake {
  const prefix = '/hooks/git/';
  let held = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').slice(prefix.length);
    const slash = path.indexOf('/');
    const provider = slash === -1 ? path : path.slice(0, slash);
    const hook = await ports.hookAt(provider, slash === -1 ? null : path.slice(slash + 1));
    const from = request.socket.remoteAddress ?? '';
    if (hook === null || request.method !== 'POST') {
      ports.onRefused({ provider: '', repository: '', code: 'not-found', from });
      answer(response, 404, 'not-found', 'there is no webhook of this address');
      return;
    }
    const refused = (code: string): RefusedDelivery => ({
      provider: hook.provider,
      repository: hook.repository ?? '',
      code,
      from,
    });
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      ports.onRefused(refused('encoding-refused'));
      answer(response, 415, 'encoding-refused', 'a compressed body is not taken; send it as it is');
      return;
    }
    if (held > maxBytesTogether) {
      response.setHeader('retry-after', '5');
      answer(response, 503, 'busy', 'too much is on its way in; send it again');
      return;
    }
    const body = await read(request);
    if (body === null) {
      ports.onRefused(refused('too-large'));
      answer(response, 413, 'too-large', `more than ${maxBytes} bytes`);
      return;
    }
    try {
      const headers = textHeaders(request);
      const delivery = { hook, headers, body, at: ports.clock(), from, relayed: false };
      const { status, code, detail } = await ports.take(delivery);
      answer(response, status, code, detail);
    } finally {
      held -= body.length;
    }
  }

  /** Null when there is too much of it. What is returned counts as held until the caller lets go of it. */
  async function read(request: IncomingMessage): Promise<Buffer | null> {
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) return null;
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of request) {
        if (!Buffer.isBuffer(chunk)) throw new TypeError('the request has an encoding set');
        size += chunk.length;
        held += chunk.length;
        if (size > maxBytes) {
          held -= size;
          return null;
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

  return { prefix, handle };
}

/** Node joins what came twice, so no header is a list here but set-cookie, which no forge sends. */
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
    // What is left of a body that was not read is not waited for.
    ...(status === 413 || status === 415 || status === 503 ? { connection: 'close' } : {}),
  });
  response.end(text);
}
