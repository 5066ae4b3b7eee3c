/** Who sent a webhook: checked over the bytes as they came, before anything of them is read. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Provider } from './provider.ts';

/** Lower-case names; a header that came twice is joined by a comma and holds for nothing. */
export type Headers = Readonly<Record<string, string | undefined>>;

export type Authenticity =
  | { readonly authentic: true }
  | {
      readonly authentic: false;
      readonly code: 'signature-missing' | 'signature-wrong' | 'signature-old';
      readonly why: string;
    };

/** GitLab's signed time and ours may differ by this much, in seconds. */
const maxSkewSeconds = 300;

const refuse = (
  code: Exclude<Authenticity, { authentic: true }>['code'],
  why: string,
): Authenticity => ({ authentic: false, code, why });

/** Takes the same time wherever the two differ; what differs in length is told at once. */
function same(claimed: Buffer, expected: Buffer): boolean {
  return claimed.length === expected.length && timingSafeEqual(claimed, expected);
}

function hex(header: string, prefix: string): Buffer {
  const found = header.startsWith(prefix) ? header.slice(prefix.length) : '';
  return Buffer.from(/^[0-9a-f]{64}$/.test(found) ? found : '', 'hex');
}

function hmacHolds(
  headers: Headers,
  names: readonly (readonly [name: string, prefix: string])[],
  secret: string,
  body: Uint8Array,
): Authenticity {
  const [name, prefix] = names.find(([each]) => headers[each] !== undefined) ??
    names[0] ?? ['', ''];
  const header = headers[name];
  if (header === undefined) {
    return refuse('signature-missing', `${name} is missing; give the webhook its secret`);
  }
  const expected = createHmac('sha256', secret).update(body).digest();
  return same(hex(header, prefix), expected)
    ? { authentic: true }
    : refuse('signature-wrong', `${name} was not made with this webhook's secret over this body`);
}

/** Standard Webhooks: the key behind `whsec_` is Base64. */
function standardKey(secret: string): Buffer {
  return secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret);
}

function gitlabHolds(headers: Headers, secret: string, body: Uint8Array, now: Date): Authenticity {
  const signatures = headers['webhook-signature'];
  if (signatures !== undefined) {
    const id = headers['webhook-id'] ?? '';
    const timestamp = headers['webhook-timestamp'] ?? '';
    const expected = createHmac('sha256', standardKey(secret))
      .update(`${id}.${timestamp}.`)
      .update(body)
      .digest();
    const holds = signatures
      .split(' ')
      .slice(0, 8)
      .some(
        (each) => each.startsWith('v1,') && same(Buffer.from(each.slice(3), 'base64'), expected),
      );
    if (!holds || id === '') {
      return refuse('signature-wrong', 'webhook-signature was not made with this webhook’s secret');
    }
    const seconds = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : 0;
    return Math.abs(now.getTime() / 1000 - seconds) <= maxSkewSeconds
      ? { authentic: true }
      : refuse('signature-old', `webhook-timestamp is not within ${maxSkewSeconds} s of now`);
  }
  const token = headers['x-gitlab-token'];
  if (token === undefined) {
    return refuse('signature-missing', 'X-Gitlab-Token is missing; give the webhook its secret');
  }
  // Through a digest, so that length is compared in constant time too.
  const digest = (text: string): Buffer => createHmac('sha256', 'airlock').update(text).digest();
  return same(digest(token), digest(secret))
    ? { authentic: true }
    : refuse('signature-wrong', 'X-Gitlab-Token is not this webhook’s secret');
}

/** Whether the sender knows the secret. */
export function authenticity(
  provider: Provider,
  delivery: { readonly headers: Headers; readonly body: Uint8Array; readonly at: Date },
  secret: string,
): Authenticity {
  const { headers, body, at } = delivery;
  switch (provider) {
    case 'github':
      return hmacHolds(headers, [['x-hub-signature-256', 'sha256=']], secret, body);
    case 'gitea':
      return hmacHolds(
        headers,
        [
          ['x-hub-signature-256', 'sha256='],
          ['x-forgejo-signature', ''],
          ['x-gitea-signature', ''],
        ],
        secret,
        body,
      );
    case 'bitbucket':
    case 'bitbucket-server':
      return hmacHolds(headers, [['x-hub-signature', 'sha256=']], secret, body);
    case 'gitlab':
      return gitlabHolds(headers, secret, body, at);
  }
}

const identities: Readonly<
  Record<Provider, { readonly delivery: readonly string[]; readonly event: readonly string[] }>
> = {
  github: { delivery: ['x-github-delivery'], event: ['x-github-event'] },
  gitea: {
    delivery: ['x-gitea-delivery', 'x-forgejo-delivery'],
    event: ['x-gitea-event', 'x-forgejo-event'],
  },
  // The same for every attempt, unlike X-Gitlab-Event-UUID.
  gitlab: {
    delivery: ['webhook-id', 'idempotency-key', 'x-gitlab-event-uuid'],
    event: ['x-gitlab-event'],
  },
  bitbucket: { delivery: ['x-request-uuid'], event: ['x-event-key'] },
  'bitbucket-server': { delivery: ['x-request-id'], event: ['x-event-key'] },
};

/** What the forge calls this delivery, and which event it is; null, with the header's name, where it does not say. */
export function identityOf(
  provider: Provider,
  headers: Headers,
): { readonly id: string; readonly event: string } | { readonly missing: string } {
  const names = identities[provider];
  const read = (from: readonly string[], shape: RegExp): string | null => {
    const value = from.map((name) => headers[name]).find((each) => each !== undefined) ?? '';
    return shape.test(value) ? value : null;
  };
  const id = read(names.delivery, /^[\w{}.:-]{1,128}$/);
  const event = read(names.event, /^[\w :-]{1,64}$/);
  if (id === null) return { missing: names.delivery.join(' or ') };
  return event === null ? { missing: names.event.join(' or ') } : { id, event };
}
