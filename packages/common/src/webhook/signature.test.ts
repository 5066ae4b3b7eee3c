import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import type { Provider } from './provider.ts';
import { authenticity, identityOf, type Headers } from './signature.ts';

const body = Buffer.from('{"ref":"refs/heads/main"}');
const secret = 'a secret of sixteen';
const now = new Date('2026-11-22T10:00:00Z');
const hmac = (key: string | Buffer, bytes: Uint8Array | string): Buffer =>
  createHmac('sha256', key).update(bytes).digest();
const signed = hmac(secret, body).toString('hex');
const judge = (provider: Provider, headers: Headers, key = secret, bytes: Uint8Array = body) => {
  const found = authenticity(provider, { headers, body: bytes, at: now }, key);
  return found.authentic ? 'authentic' : found.code;
};

test('the signature that GitHub’s documentation gives as an example is accepted', () => {
  const header = 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17';
  assert.equal(
    judge(
      'github',
      { 'x-hub-signature-256': header },
      "It's a Secret to Everybody",
      Buffer.from('Hello, World!'),
    ),
    'authentic',
  );
});

const standardSecret = `whsec_${Buffer.from('0123456789abcdef').toString('base64')}`;
const standard = (id: string, at: Date, key = standardSecret): Headers => {
  const timestamp = String(at.getTime() / 1000);
  const mac = hmac(
    Buffer.from(key.slice(6), 'base64'),
    Buffer.concat([Buffer.from(`${id}.${timestamp}.`), body]),
  );
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${mac.toString('base64')}`,
  };
};

const good: [provider: Provider, headers: Headers, key?: string][] = [
  ['github', { 'x-hub-signature-256': `sha256=${signed}` }],
  ['gitea', { 'x-hub-signature-256': `sha256=${signed}` }],
  ['gitea', { 'x-gitea-signature': signed }],
  ['gitea', { 'x-forgejo-signature': signed }],
  ['bitbucket', { 'x-hub-signature': `sha256=${signed}` }],
  ['bitbucket-server', { 'x-hub-signature': `sha256=${signed}` }],
  ['gitlab', { 'x-gitlab-token': secret }],
  ['gitlab', standard('d1', now), standardSecret],
  ['gitlab', standard('d1', new Date(now.getTime() - 299_000)), standardSecret],
];
for (const [provider, headers, key] of good) {
  test(`accepted of ${provider}: ${Object.keys(headers).join(', ')}`, () => {
    assert.equal(judge(provider, headers, key), 'authentic');
  });
}

const bad: [name: string, provider: Provider, headers: Headers, code: string][] = [
  ['none', 'github', {}, 'signature-missing'],
  ['an empty one', 'github', { 'x-hub-signature-256': '' }, 'signature-wrong'],
  ['SHA-1', 'github', { 'x-hub-signature': `sha1=${signed.slice(0, 40)}` }, 'signature-missing'],
  [
    'half of it',
    'github',
    { 'x-hub-signature-256': `sha256=${signed.slice(0, 32)}` },
    'signature-wrong',
  ],
  [
    'upper case',
    'github',
    { 'x-hub-signature-256': `sha256=${signed.toUpperCase()}` },
    'signature-wrong',
  ],
  ['zeros', 'github', { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}` }, 'signature-wrong'],
  [
    'two at once',
    'github',
    { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}, sha256=${signed}` },
    'signature-wrong',
  ],
  [
    'another secret’s',
    'gitea',
    { 'x-gitea-signature': hmac('another', body).toString('hex') },
    'signature-wrong',
  ],
  [
    'another body’s',
    'bitbucket',
    { 'x-hub-signature': `sha256=${hmac(secret, '{}').toString('hex')}` },
    'signature-wrong',
  ],
  [
    'a wrong one beside a right one of a weaker name',
    'gitea',
    { 'x-hub-signature-256': `sha256=${'0'.repeat(64)}`, 'x-gitea-signature': signed },
    'signature-wrong',
  ],
  ['another token', 'gitlab', { 'x-gitlab-token': 'a secret of sixteeN' }, 'signature-wrong'],
  ['the start of the token', 'gitlab', { 'x-gitlab-token': secret.slice(0, 5) }, 'signature-wrong'],
  [
    'a wrong signature beside the right token',
    'gitlab',
    { 'webhook-signature': 'v1,AAAA', 'x-gitlab-token': secret },
    'signature-wrong',
  ],
];
for (const [name, provider, headers, code] of bad) {
  test(`refused of ${provider}: ${name}`, () => {
    assert.equal(judge(provider, headers), code);
  });
}

test('GitLab’s signed time is held against the clock, and its id against the signature', () => {
  const old = standard('d1', new Date(now.getTime() - 301_000));
  assert.equal(judge('gitlab', old, standardSecret), 'signature-old');
  const renamed = { ...standard('d1', now), 'webhook-id': 'd2' };
  assert.equal(judge('gitlab', renamed, standardSecret), 'signature-wrong');
});

test('a delivery is known by its forge’s id, and one without is told which header is missing', () => {
  assert.deepEqual(
    identityOf('github', { 'x-github-delivery': 'f6266f16-1bf3', 'x-github-event': 'push' }),
    { id: 'f6266f16-1bf3', event: 'push' },
  );
  assert.deepEqual(
    identityOf('gitlab', {
      'idempotency-key': 'k',
      'x-gitlab-event-uuid': 'u',
      'x-gitlab-event': 'Merge Request Hook',
    }),
    { id: 'k', event: 'Merge Request Hook' },
  );
  assert.deepEqual(identityOf('bitbucket', { 'x-request-uuid': 'r', 'x-event-key': 'repo:push' }), {
    id: 'r',
    event: 'repo:push',
  });
  assert.deepEqual(identityOf('github', { 'x-github-event': 'push' }), {
    missing: 'x-github-delivery',
  });
  assert.deepEqual(identityOf('github', { 'x-github-delivery': 'a b', 'x-github-event': 'push' }), {
    missing: 'x-github-delivery',
  });
});
