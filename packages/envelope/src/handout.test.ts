import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SecretsAnswer } from '@airlock/common/wire/secret-handout';
import { handoutRequest, openHandout, packHandout, type Handout } from './handout.ts';
import { newRecipient } from './hpke.ts';
import { newKey } from './seal.ts';

const place = { run: 'run_1', job: 'job_1', lease: 4, step: 'publish' };
const runner = 'r1';
const unopenable = { code: 'envelope-unopenable' };

function handOut(at = place): { handout: Handout; recipient: ReturnType<typeof newRecipient> } {
  const recipient = newRecipient();
  const { publicKey } = recipient;
  const values = ['NPM', 'SIGN'].map((name) => ({ name, value: Buffer.from(`value of ${name}`) }));
  const handout = packHandout(at, { runner, publicKey, buildKey, values });
  return { handout, recipient };
}
const buildKey = newKey();

test('the runner that asked opens every value of the step', () => {
  const { handout, recipient } = handOut();
  const opened = openHandout(place, { runner, recipient }, handout);
  assert.deepEqual(
    [...opened].map(([name, value]) => [name, value.toString()]),
    [
      ['NPM', 'value of NPM'],
      ['SIGN', 'value of SIGN'],
    ],
  );
});

test('a secret of the largest size fits into the answer', () => {
  const value = Buffer.alloc(32 * 1024, 7);
  const { publicKey } = newRecipient();
  const values = [{ name: 'LARGE', value }];
  const { key, boxes } = packHandout(place, { runner, publicKey, buildKey, values });
  const secrets = boxes.map(({ name, box }) => ({
    ...{ name, kind: 'value' },
    box: box.toString('base64'),
  }));
  assert.equal(SecretsAnswer.safeParse({ key: key.toString('base64'), secrets }).success, true);
});

test('stolen boxes alone open nothing, not even with the key that another step of the build was given', () => {
  const { handout, recipient } = handOut();
  const other = handOut({ ...place, step: 'test' });
  const thief = newRecipient();
  assert.throws(() => openHandout(place, { runner, recipient: thief }, handout), unopenable);
  const mixed = { key: other.handout.key, boxes: handout.boxes };
  const at = { ...place, step: 'test' };
  assert.throws(() => openHandout(at, { runner, recipient: other.recipient }, mixed), unopenable);
  assert.throws(() => openHandout(place, { runner, recipient }, mixed), unopenable);
});

test('what was handed out opens for its runner, run, job, lease and step, and for no other', () => {
  const { handout, recipient } = handOut();
  const others = [
    { ...place, run: 'run_2' },
    { ...place, job: 'job_2' },
    { ...place, lease: 5 },
    { ...place, step: 'test' },
  ];
  for (const other of others) {
    assert.throws(() => openHandout(other, { runner, recipient }, handout), unopenable);
  }
  assert.throws(() => openHandout(place, { runner: 'r2', recipient }, handout), unopenable);
});

test('boxes do not open under one another’s names', () => {
  const { handout, recipient } = handOut();
  const [npm, sign] = handout.boxes;
  assert.ok(npm !== undefined && sign !== undefined);
  const swapped = [
    { name: npm.name, box: sign.box },
    { name: sign.name, box: npm.box },
  ];
  assert.throws(
    () => openHandout(place, { runner, recipient }, { ...handout, boxes: swapped }),
    unopenable,
  );
});

test('what a runner signs differs with every part of the request', () => {
  const key = Buffer.alloc(32, 1);
  const signed = [
    handoutRequest(place, key),
    handoutRequest({ ...place, lease: 5 }, key),
    handoutRequest({ ...place, step: 'publish4' }, key),
    handoutRequest({ ...place, job: 'job_14' }, key),
    handoutRequest({ ...place, job: 'job_', step: '14publish' }, key),
    handoutRequest(place, Buffer.alloc(32, 2)),
  ];
  assert.equal(new Set(signed.map((bytes) => bytes.toString('hex'))).size, signed.length);
});
