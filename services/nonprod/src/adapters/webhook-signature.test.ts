import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { webhookSignatureHolds } from './webhook-signature.ts';

const body = Buffer.from('{"ref":"refs/heads/main"}');
const sign = (secret: string, bytes: Uint8Array): string =>
  `sha256=${createHmac('sha256', secret).update(bytes).digest('hex')}`;

test('the signature that GitHub’s documentation gives as an example is accepted', () => {
  assert.ok(
    webhookSignatureHolds(
      "It's a Secret to Everybody",
      Buffer.from('Hello, World!'),
      'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    ),
  );
});

const bad: [name: string, header: string | undefined][] = [
  ['none', undefined],
  ['an empty one', ''],
  ['another secret’s', sign('other', body)],
  ['another body’s', sign('secret', Buffer.from('{}'))],
  ['SHA-1', `sha1=${createHmac('sha1', 'secret').update(body).digest('hex')}`],
  ['half of it', sign('secret', body).slice(0, 40)],
  ['upper case', sign('secret', body).toUpperCase()],
  ['zeros', `sha256=${'0'.repeat(64)}`],
];
for (const [name, header] of bad) {
  test(`a signature is refused: ${name}`, () => {
    assert.equal(webhookSignatureHolds('secret', body, header), false);
  });
}

test('the signature of the body’s own bytes is accepted', () => {
  assert.ok(webhookSignatureHolds('secret', body, sign('secret', body)));
});
