import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Bait } from '@airlock/common/wire/bait';
import { createBaitWatch } from './bait-watch.ts';

const keyId = `AKIA${'Q7RZ'.repeat(4)}`;
const bait: Bait[] = [
  { name: 'cloud-key-id', value: keyId },
  { name: 'registry-key', value: `npm_${'aB3x'.repeat(9)}` },
];

test('a bait is seen in any form and however it is cut, and no other is said to be', () => {
  for (const form of [
    keyId,
    keyId.toLowerCase(),
    Buffer.from(`x${keyId}`).toString('base64'),
    Buffer.from(keyId).toString('hex'),
  ]) {
    const watch = createBaitWatch();
    watch.begin(bait);
    const place = watch.open('request', 'paste.example:443');
    for (const byte of Buffer.from(`a line of nothing\nq=${form}`)) place.see(Buffer.of(byte));
    place.end();
    const seen = [{ bait: 'cloud-key-id', where: 'request', name: 'paste.example:443' }];
    assert.deepEqual(watch.take(), seen, form);
  }
});

test('what is no bait is not seen, the beginning of one at the very end included', () => {
  const watch = createBaitWatch();
  watch.begin(bait);
  const place = watch.open('log', 'test');
  place.see(Buffer.from(`AKIA is how they begin; [masked]; ${keyId.slice(0, -1)}`));
  place.end();
  assert.deepEqual(watch.take(), []);
});

test('what was sent last is seen in a connection that stays open', () => {
  const watch = createBaitWatch();
  watch.begin(bait);
  const place = watch.open('request', 'paste.example:443');
  place.see(Buffer.from(`q=${keyId}`));
  assert.equal(watch.take().length, 1);
  place.see(Buffer.from(keyId));
  place.end();
  assert.equal(watch.take().length, 1);
});

test('the next job has no part in what the one before it does yet', () => {
  const watch = createBaitWatch();
  watch.begin(bait);
  const late = watch.open('request', 'paste.example:443');
  watch.begin([]);
  late.see(Buffer.from(keyId));
  late.end();
  assert.deepEqual(watch.take(), []);
});

test('a place whose name holds a bait is told of without it', () => {
  const watch = createBaitWatch();
  watch.begin(bait);
  const name = `${keyId.toLowerCase()}.evil.example:53`;
  const place = watch.open('request', name);
  place.see(Buffer.from(`CONNECT ${name}`));
  place.end();
  assert.deepEqual(watch.take(), [
    { bait: 'cloud-key-id', where: 'request', name: '[masked].evil.example:53' },
  ]);
});
