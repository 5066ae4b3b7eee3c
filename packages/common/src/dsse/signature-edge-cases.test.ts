/**
 * Signatures and keys at the edges of ECDSA P-256 and Ed25519, of the classes that Project Wycheproof collects, made anew:
 * what each is, what is expected, and why. Where OpenSSL decides, a newer one that decides otherwise is seen here first.
 */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';
import { importPublicKey, signatureIsValid } from '../trust/signer.ts';
import { pae } from './pae.ts';

const message = pae('application/vnd.in-toto+json', Buffer.from('{}'));
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed25519 = generateKeyPairSync('ed25519');
const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const fieldPrime = 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn;
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n;

/** Contents of a DER INTEGER for a number from 0 up. */
function integer(value: bigint): Buffer {
  const digits = value.toString(16);
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  return (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
}

const tlv = (tag: number, content: Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(tag, content.length), content]);
const der = (r: Uint8Array, s: Uint8Array): Buffer =>
  tlv(0x30, Buffer.concat([tlv(0x02, r), tlv(0x02, s)]));

/** A signature whose r and s are both 32 or 33 bytes, so that every change below is one of form. */
const good = sign('sha256', message, p256.privateKey);
const rLength = good.readUInt8(3);
const rBytes = good.subarray(4, 4 + rLength);
const sBytes = good.subarray(6 + rLength);
const number = (bytes: Uint8Array) => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const [r, s] = [number(rBytes), number(sBytes)];
const zero = Buffer.of(0);

const ecdsa: readonly (readonly [
  what: string,
  valid: boolean,
  signature: Uint8Array,
  why: string,
])[] = [
  ['as made', true, good, 'the signature itself'],
  [
    's and n - s',
    true,
    der(integer(r), integer(n - s)),
    'both are valid; replay is kept by payload',
  ],
  ['r = 0', false, der(zero, integer(s)), 'out of range'],
  ['s = 0', false, der(integer(r), zero), 'out of range'],
  ['r = s = 0', false, der(zero, zero), 'CVE-2022-21449'],
  ['r = s = 1', false, der(Buffer.of(1), Buffer.of(1)), 'no signature of this message'],
  ['r = n', false, der(integer(n), integer(s)), 'out of range'],
  ['s = n', false, der(integer(r), integer(n)), 'out of range, zero modulo n'],
  ['r + n', false, der(integer(r + n), integer(s)), 'equal modulo n, out of range'],
  ['s + n', false, der(integer(r), integer(s + n)), 'equal modulo n, out of range'],
  [
    's of 40 bytes',
    false,
    der(integer(r), integer(s + (n << 64n))),
    'equal modulo n, out of range',
  ],
  ['r = p - 1', false, der(integer(fieldPrime - 1n), integer(s)), 'at the edge of the field'],
  [
    '-r',
    false,
    der(
      Buffer.from(rBytes).map((byte) => byte ^ 0xff),
      integer(s),
    ),
    'negative',
  ],
  ['s = -1', false, der(integer(r), Buffer.of(0xff)), 'negative'],
  [
    'r with a leading zero too many',
    false,
    der(Buffer.concat([zero, zero, integer(r)]), integer(s)),
    'BER, not DER: one more spelling of the same',
  ],
  [
    's with a leading zero too many',
    false,
    der(integer(r), Buffer.concat([zero, zero, integer(s)])),
    'BER, not DER',
  ],
  ['r without bytes', false, der(Buffer.alloc(0), integer(s)), 'an INTEGER has one byte or more'],
  [
    'long-form length of the sequence',
    false,
    Buffer.concat([Buffer.of(0x30, 0x81), good.subarray(1)]),
    'BER, not DER',
  ],
  [
    'long-form length of r',
    false,
    tlv(0x30, Buffer.concat([Buffer.of(0x02, 0x81, rLength), rBytes, tlv(0x02, sBytes)])),
    'BER, not DER',
  ],
  [
    'indefinite length',
    false,
    Buffer.concat([Buffer.of(0x30, 0x80), good.subarray(2), zero, zero]),
    'BER, not DER',
  ],
  ['a byte after the sequence', false, Buffer.concat([good, zero]), 'trailing bytes'],
  [
    'a byte inside the sequence',
    false,
    tlv(0x30, Buffer.concat([good.subarray(2), zero])),
    'trailing bytes',
  ],
  [
    'a third INTEGER',
    false,
    tlv(0x30, Buffer.concat([good.subarray(2), tlv(0x02, Buffer.of(1))])),
    'two integers and no more',
  ],
  ['r alone', false, tlv(0x30, tlv(0x02, rBytes)), 'two integers'],
  [
    'a set for a sequence',
    false,
    Buffer.concat([Buffer.of(0x31), good.subarray(1)]),
    'another tag',
  ],
  [
    'an OCTET STRING for r',
    false,
    tlv(0x30, Buffer.concat([tlv(0x04, rBytes), tlv(0x02, sBytes)])),
    'another tag',
  ],
  ['a byte missing', false, good.subarray(0, -1), 'cut off'],
  ['an empty sequence', false, Buffer.of(0x30, 0), 'no integers'],
  ['no bytes', false, Buffer.alloc(0), 'no signature'],
  [
    'r and s side by side',
    false,
    sign('sha256', message, { key: p256.privateKey, dsaEncoding: 'ieee-p1363' }),
    'IEEE P1363 form where DER is pinned',
  ],
  ['over SHA-1', false, sign('sha1', message, p256.privateKey), 'another digest'],
  ['over SHA-512', false, sign('sha512', message, p256.privateKey), 'another digest'],
  ['an Ed25519 signature', false, sign(null, message, ed25519.privateKey), 'another algorithm'],
];

for (const [what, valid, signature, why] of ecdsa) {
  test(`ECDSA, ${what}: ${valid ? 'valid' : 'refused'}, ${why}`, () => {
    assert.equal(signatureIsValid(p256.publicKey, 'ecdsa-p256-sha256', message, signature), valid);
  });
}

const edSignature = sign(null, message, ed25519.privateKey);
const [edR, edS] = [edSignature.subarray(0, 32), edSignature.subarray(32)];
const little = (value: bigint): Buffer =>
  Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
const sNumber = number(Buffer.from(edS).reverse());
const identity = little(1n);
const edwards: readonly (readonly [
  what: string,
  valid: boolean,
  signature: Uint8Array,
  why: string,
])[] = [
  ['as made', true, edSignature, 'the signature itself'],
  [
    'S + L',
    false,
    Buffer.concat([edR, little(sNumber + groupOrder)]),
    'equal modulo L: a second spelling',
  ],
  ['S + 2L', false, Buffer.concat([edR, little(sNumber + 2n * groupOrder)]), 'equal modulo L'],
  ['S = L', false, Buffer.concat([edR, little(groupOrder)]), 'out of range'],
  ['S = 0', false, Buffer.concat([edR, little(0n)]), 'no signature of this message'],
  [
    'R = identity, S = 0',
    false,
    Buffer.concat([identity, little(0n)]),
    'valid for keys of small order alone',
  ],
  [
    'R = identity, spelt with p + 1',
    false,
    Buffer.concat([little(2n ** 255n - 18n), edS]),
    'not canonical',
  ],
  ['R of zeros', false, Buffer.concat([little(0n), edS]), 'small order'],
  ['R that is no point', false, Buffer.concat([little(2n), edS]), 'not on the curve'],
  [
    'the sign of R turned',
    false,
    Buffer.concat([edR.map((byte, index) => (index === 31 ? byte ^ 0x80 : byte)), edS]),
    'another point',
  ],
  ['R and S exchanged', false, Buffer.concat([edS, edR]), 'another signature'],
  ['a byte appended', false, Buffer.concat([edSignature, zero]), 'trailing bytes'],
  ['a byte missing', false, edSignature.subarray(0, -1), 'cut off'],
  ['no bytes', false, Buffer.alloc(0), 'no signature'],
  ['zeros', false, Buffer.alloc(64), 'no signature'],
  ['an ECDSA signature', false, good, 'another algorithm'],
  [
    'over the digest of the message',
    false,
    sign(null, Buffer.from('{}'), ed25519.privateKey),
    'another message',
  ],
];

for (const [what, valid, signature, why] of edwards) {
  test(`Ed25519, ${what}: ${valid ? 'valid' : 'refused'}, ${why}`, () => {
    assert.equal(signatureIsValid(ed25519.publicKey, 'ed25519', message, signature), valid);
  });
}

const pem = (spki: Uint8Array): string =>
  `-----BEGIN PUBLIC KEY-----\n${Buffer.from(spki).toString('base64')}\n-----END PUBLIC KEY-----\n`;
const spki = p256.publicKey.export({ type: 'spki', format: 'der' });
const [header, point] = [spki.subarray(0, -65), spki.subarray(-65)];
const x = point.subarray(1, 33);
const compressed = Buffer.concat([Buffer.of((point[64] ?? 0) % 2 === 0 ? 2 : 3), x]);
const hybrid = Buffer.concat([Buffer.of((point[64] ?? 0) % 2 === 0 ? 6 : 7), point.subarray(1)]);
/** The SubjectPublicKeyInfo of P-256 around another encoding of a point. */
const around = (encoded: Uint8Array): Buffer => {
  const algorithm = header.subarray(2, -3);
  return tlv(0x30, Buffer.concat([algorithm, tlv(0x03, Buffer.concat([zero, encoded]))]));
};
const edSpki = (key: Uint8Array) =>
  Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key]);
const prime = 2n ** 255n - 19n;
/** The y coordinates of the eight points of small order, two of them also spelt with p added. */
const smallOrder: readonly Buffer[] = [
  little(0n),
  little(1n),
  little(prime - 1n),
  little(prime),
  little(prime + 1n),
  Buffer.from('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', 'hex'),
  Buffer.from('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', 'hex'),
];
const keys: readonly (readonly [what: string, imported: boolean, pem: string, why: string])[] = [
  ['P-256 as made', true, pem(spki), 'the key itself'],
  ['P-256 by the point written anew', true, pem(around(point)), 'the same bytes'],
  [
    'P-256 with another y',
    false,
    pem(around(point.map((byte, index) => (index === 64 ? byte ^ 1 : byte)))),
    'not on the curve',
  ],
  ['P-256 at infinity', false, pem(around(zero)), 'verifies anything in careless code'],
  [
    'P-256 with x of p',
    false,
    pem(
      around(Buffer.concat([Buffer.of(4), integer(fieldPrime).subarray(-32), point.subarray(33)])),
    ),
    'out of the field',
  ],
  ['P-256 cut by a byte', false, pem(around(point.subarray(0, -1))), 'cut off'],
  ['bytes after the key', false, pem(Buffer.concat([spki, zero])), 'a second spelling of one key'],
  ['Ed25519 cut by a byte', false, pem(edSpki(Buffer.alloc(31, 9))), 'cut off'],
  ...smallOrder.flatMap((y, index) =>
    [0, 0x80].map(
      (sign) =>
        [
          `Ed25519 of small order, number ${index}, sign ${sign}`,
          false,
          pem(edSpki(y.map((byte, at) => (at === 31 ? byte | sign : byte)))),
          'anybody can sign for it',
        ] as const,
    ),
  ),
  ['P-256 by a compressed point', false, pem(around(compressed)), 'one key, two ids'],
  ['P-256 by a hybrid point', false, pem(around(hybrid)), 'one key, two ids'],
  [
    'a private key',
    false,
    p256.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    'has no place in a trust store',
  ],
  [
    'a certificate',
    false,
    '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    'its dates and names would be skipped',
  ],
  [
    'an RSA key in PKCS#1',
    false,
    generateKeyPairSync('rsa', { modulusLength: 2048 })
      .publicKey.export({ type: 'pkcs1', format: 'pem' })
      .toString(),
    'another form',
  ],
  ['two keys', false, pem(spki) + pem(spki), 'which one counts?'],
  ['text before the key', false, `x\n${pem(spki)}`, 'one block and nothing else'],
  ['nothing', false, '', 'no key'],
];

for (const [what, imported, text, why] of keys) {
  test(`key, ${what}: ${imported ? 'imported' : 'refused'}, ${why}`, () => {
    if (imported) assert.equal(importPublicKey(text).type, 'public');
    else assert.throws(() => importPublicKey(text), { code: 'E_TRUST_STORE' });
  });
}

test('a key on a neighbouring curve verifies nothing of ours', () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  const signature = sign('sha256', message, other.privateKey);
  assert.ok(!signatureIsValid(p256.publicKey, 'ecdsa-p256-sha256', message, signature));
});
