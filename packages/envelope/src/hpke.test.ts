import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { test } from 'node:test';
import { newRecipient, openFrom, publicKeyBytes, sealTo } from './hpke.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
const info = Buffer.from('for one step');

test('the message of RFC 9180 appendix A.2.1 opens to its plaintext', () => {
  const publicKey = hex('4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a');
  const d = hex('8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb');
  const jwk = { x: publicKey.toString('base64url'), d: d.toString('base64url') };
  const privateKey = createPrivateKey({
    key: { kty: 'OKP', crv: 'X25519', ...jwk },
    format: 'jwk',
  });
  const encapsulated = hex('1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a');
  const ciphertext = hex(`1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db
    21993c62ce81883d2dd1b51a28`);
  const opened = openFrom(
    { publicKey, privateKey },
    hex('4f6465206f6e2061204772656369616e2055726e'),
    Buffer.concat([encapsulated, ciphertext]),
    Buffer.from('Count-0'),
  );
  assert.equal(opened.toString(), 'Beauty is truth, truth beauty');
});

test('what is sealed to a key opens with it, and is another message every time', () => {
  const recipient = newRecipient();
  for (const text of ['', 'value', 'x'.repeat(40_000)]) {
    const [one, two] = [0, 1].map(() => sealTo(recipient.publicKey, info, Buffer.from(text)));
    assert.ok(one !== undefined && two !== undefined);
    assert.notDeepEqual(one, two);
    assert.equal(openFrom(recipient, info, one).toString(), text);
  }
});

test('another key, another purpose and every altered byte are told and open nothing', () => {
  const recipient = newRecipient();
  const sealed = sealTo(recipient.publicKey, info, Buffer.from('value'));
  const unopenable = { code: 'envelope-unopenable' };
  assert.throws(() => openFrom(newRecipient(), info, sealed), unopenable);
  assert.throws(() => openFrom(recipient, Buffer.from('for another step'), sealed), unopenable);
  assert.throws(() => openFrom(recipient, info, sealed, Buffer.from('aad')), unopenable);
  for (let at = 0; at < sealed.length; at += 1) {
    // The top bit of a public key is not part of it (RFC 7748), but it is part of what both sides hash.
    const altered = Buffer.from(sealed);
    altered.writeUInt8(altered.readUInt8(at) ^ 0x80, at);
    assert.throws(() => openFrom(recipient, info, altered), unopenable, `byte ${at}`);
  }
});

test('what is no public key, or one that agrees with everybody on the same, is refused', () => {
  const malformed = { code: 'envelope-malformed' };
  const one = Buffer.alloc(publicKeyBytes);
  one.writeUInt8(1, 0);
  for (const key of [Buffer.alloc(0), Buffer.alloc(31), Buffer.alloc(publicKeyBytes), one]) {
    assert.throws(() => sealTo(key, info, Buffer.from('value')), malformed);
  }
  assert.throws(() => openFrom(newRecipient(), info, Buffer.alloc(47)), malformed);
  assert.throws(() => openFrom(newRecipient(), info, Buffer.alloc(64)), malformed);
});
