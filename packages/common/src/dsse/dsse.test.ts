import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { test } from 'node:test';
import { importTrust, keyIdOf, requireWholeTrust, type TrustRow } from '../trust/signer.ts';
import { parseEnvelope } from './envelope.ts';
import { pae } from './pae.ts';
import { signEnvelope } from './sign.ts';
import { verifyEnvelope } from './verify.ts';

const type = 'application/vnd.in-toto+json';
const now = new Date('2026-11-22T12:00:00Z');
const at = { now, receivedAt: now };

function rowOf(
  pair: { publicKey: ReturnType<typeof createPublicKey> },
  alg: TrustRow['alg'],
  changes: Partial<TrustRow> = {},
): TrustRow {
  return {
    keyid: keyIdOf(pair.publicKey),
    publicKeyPem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    alg,
    roles: ['provenance'],
    builderIds: [],
    notBefore: '2026-01-01T00:00:00Z',
    notAfter: '2027-01-01T00:00:00Z',
    ...changes,
  };
}

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ed25519 = generateKeyPairSync('ed25519');
const p256Row = rowOf(p256, 'ecdsa-p256-sha256');
const edRow = rowOf(ed25519, 'ed25519');

/** Verifies one signature by the key of `row` over `payload`, with the signature as given. */
function verifyRaw(
  row: { readonly keyid: string },
  sig: Buffer,
  payload = Buffer.from('{}'),
): string {
  const line = JSON.stringify({
    payloadType: type,
    payload: payload.toString('base64'),
    signatures: [{ keyid: row.keyid, sig: sig.toString('base64') }],
  });
  try {
    verifyEnvelope(parseEnvelope(Buffer.from(line), type), importTrust([row]), at);
    return 'OK';
  } catch (error) {
    assert.ok(error instanceof Error && 'code' in error);
    return String(error.code);
  }
}

test('the test vector of the DSSE protocol verifies', () => {
  const message = pae('http://example.com/HelloWorld', Buffer.from('hello world'));
  assert.equal(message.toString(), 'DSSEv1 29 http://example.com/HelloWorld 11 hello world');
  const coordinate = (decimal: string) =>
    Buffer.from(BigInt(decimal).toString(16).padStart(64, '0'), 'hex').toString('base64url');
  const key = createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: coordinate(
        '46950820868899156662930047687818585632848591499744589407958293238635476079160',
      ),
      y: coordinate('5640078356564379163099075877009565129882514886557779369047442380624545832820'),
    },
  });
  const signature = Buffer.from(
    'A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==',
    'base64',
  );
  assert.ok(verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature));
});

test('lengths in the encoding count bytes, not characters', () => {
  assert.equal(pae('é', Buffer.from('ü')).toString(), 'DSSEv1 2 é 2 ü');
});

test('an envelope by two keys gives both signers, once each', () => {
  const line = signEnvelope(type, Buffer.from('{"a":1}'), [
    { keyid: p256Row.keyid, privateKey: p256.privateKey },
    { keyid: edRow.keyid, privateKey: ed25519.privateKey },
  ]);
  const { payload, signers } = verifyEnvelope(
    parseEnvelope(Buffer.from(line), type),
    importTrust([p256Row, edRow]),
    at,
  );
  assert.equal(payload.toString(), '{"a":1}');
  assert.deepEqual(
    signers.map((signer) => signer.keyid),
    [p256Row.keyid, edRow.keyid],
  );
});

test('a key whose id is a name of Object is a stranger', () => {
  for (const keyid of ['__proto__', 'constructor', 'toString', '']) {
    const line = signEnvelope(type, Buffer.from('{}'), [{ keyid, privateKey: p256.privateKey }]);
    assert.throws(
      () => verifyEnvelope(parseEnvelope(Buffer.from(line), type), importTrust([p256Row]), at),
      { code: 'E_KEY_UNKNOWN' },
    );
  }
});

test('a known key that fails is fatal beside a good one', () => {
  const payload = Buffer.from('{}');
  const good = signEnvelope(type, payload, [
    { keyid: edRow.keyid, privateKey: ed25519.privateKey },
  ]);
  const stranger = signEnvelope(type, payload, [
    { keyid: p256Row.keyid, privateKey: ed25519.privateKey },
  ]);
  const parsed = [good, stranger].map((line) => parseEnvelope(Buffer.from(line), type));
  const [first] = parsed;
  assert.ok(first !== undefined);
  const both = { ...first, signatures: parsed.flatMap((envelope) => envelope.signatures) };
  assert.throws(() => verifyEnvelope(both, importTrust([p256Row, edRow]), at), {
    code: 'E_SIG_INVALID',
  });
});

test('a key is judged by its window on receipt and by revocation as of now', () => {
  const line = signEnvelope(type, Buffer.from('{}'), [
    { keyid: edRow.keyid, privateKey: ed25519.privateKey },
  ]);
  const check = (changes: Partial<TrustRow>, moments = at) =>
    verifyEnvelope(
      parseEnvelope(Buffer.from(line), type),
      importTrust([{ ...edRow, ...changes }]),
      moments,
    );
  assert.ok(check({ notAfter: '2026-11-22T12:00:00Z' }));
  assert.ok(check({ notBefore: '2026-11-22T12:00:00Z' }));
  assert.throws(() => check({ notAfter: '2026-11-22T11:59:59Z' }), { code: 'E_KEY_EXPIRED' });
  assert.throws(() => check({ notBefore: '2026-11-22T12:00:01Z' }), {
    code: 'E_KEY_NOT_YET_VALID',
  });
  assert.throws(() => check({ revokedAt: '2026-11-22T12:00:00Z' }), { code: 'E_KEY_REVOKED' });
  const later = { receivedAt: now, now: new Date('2026-11-23T12:00:00Z') };
  assert.ok(check({ notAfter: '2026-11-22T13:00:00Z' }, later));
  assert.throws(() => check({ revokedAt: '2026-11-23T00:00:00Z' }, later), {
    code: 'E_KEY_REVOKED',
  });
});

test('the payload may have 128 KiB and not one byte more', () => {
  const envelopeOf = (bytes: number) =>
    Buffer.from(
      signEnvelope(type, Buffer.alloc(bytes, 0x61), [
        { keyid: 'k', privateKey: ed25519.privateKey },
      ]),
    );
  assert.equal(parseEnvelope(envelopeOf(131_072), type).payload.length, 131_072);
  for (const bytes of [131_073, 131_074, 131_076]) {
    assert.throws(() => parseEnvelope(envelopeOf(bytes), type), { code: 'E_PAYLOAD_SIZE' });
  }
});

// The classes of Project Wycheproof for ECDSA P-256 and Ed25519, made anew with our own keys.
const message = pae(type, Buffer.from('{}'));
const der = sign('sha256', message, p256.privateKey);
const edSignature = sign(null, message, ed25519.privateKey);
const order = 2n ** 252n + 27742317777372353535851937790883648493n;

/** The same DER signature with its two integers replaced. */
function derOf(r: Buffer, s: Buffer): Buffer {
  const integer = (value: Buffer) => Buffer.concat([Buffer.of(0x02, value.length), value]);
  const body = Buffer.concat([integer(r), integer(s)]);
  return Buffer.concat([Buffer.of(0x30, body.length), body]);
}

function addOrder(signature: Buffer): Buffer {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`) + order;
  const bytes = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse();
  return Buffer.concat([signature.subarray(0, 32), bytes]);
}

const zero = Buffer.of(0);
const one = Buffer.of(1);
const curveOrder = Buffer.from(
  '00ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551',
  'hex',
);
const edgeCases: [string, TrustRow, Buffer][] = [
  ['ECDSA r = 0, s = 0', p256Row, derOf(zero, zero)],
  ['ECDSA r = 1, s = 1', p256Row, derOf(one, one)],
  ['ECDSA r = 1, s = 0', p256Row, derOf(one, zero)],
  ['ECDSA r = n, s = n', p256Row, derOf(curveOrder, curveOrder)],
  ['ECDSA r = -1', p256Row, derOf(Buffer.of(0xff), one)],
  ['ECDSA without bytes', p256Row, Buffer.alloc(0)],
  ['ECDSA empty sequence', p256Row, Buffer.of(0x30, 0)],
  ['ECDSA with a byte appended', p256Row, Buffer.concat([der, zero])],
  ['ECDSA cut by a byte', p256Row, der.subarray(0, -1)],
  [
    'ECDSA with a BER long-form length',
    p256Row,
    Buffer.concat([Buffer.of(0x30, 0x81), der.subarray(1)]),
  ],
  [
    'ECDSA as r and s side by side',
    p256Row,
    sign('sha256', message, { key: p256.privateKey, dsaEncoding: 'ieee-p1363' }),
  ],
  ['ECDSA over SHA-512', p256Row, sign('sha512', message, p256.privateKey)],
  ['ECDSA over the bare payload', p256Row, sign('sha256', Buffer.from('{}'), p256.privateKey)],
  ['Ed25519 with S + L', edRow, addOrder(edSignature)],
  ['Ed25519 of zeros', edRow, Buffer.alloc(64)],
  ['Ed25519 cut by a byte', edRow, edSignature.subarray(0, -1)],
  ['Ed25519 with a byte appended', edRow, Buffer.concat([edSignature, zero])],
  ['Ed25519 without bytes', edRow, Buffer.alloc(0)],
  ['Ed25519 over the digest', edRow, sign(null, Buffer.from('{}'), ed25519.privateKey)],
];

test('the untouched signatures of the edge cases verify', () => {
  assert.equal(verifyRaw(p256Row, der), 'OK');
  assert.equal(verifyRaw(edRow, edSignature), 'OK');
});

for (const [name, row, signature] of edgeCases) {
  test(`${name} is refused`, () => {
    assert.equal(verifyRaw(row, signature), 'E_SIG_INVALID');
  });
}

test('a trust row that is not whole is a fault of that key alone, and a process can refuse to start with it', () => {
  const otherKey = rowOf(generateKeyPairSync('ed25519'), 'ed25519').publicKeyPem;
  const privatePem = ed25519.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const p384 = rowOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }), 'ecdsa-p256-sha256');
  const rsa = rowOf(generateKeyPairSync('rsa', { modulusLength: 2048 }), 'ecdsa-p256-sha256');
  const identityPoint = createPublicKey({
    key: Buffer.concat([Buffer.from('302a300506032b657003210001', 'hex'), Buffer.alloc(31)]),
    format: 'der',
    type: 'spki',
  });
  // Rows come from a file, so they may be anything.
  const broken = [
    { ...edRow, alg: 'rsa-pss-sha256' },
    { ...edRow, roles: ['provenance', 'admin'] },
    { ...edRow, notAfter: 'never' },
    { ...edRow, maxAge: 1 },
    { ...edRow, publicKeyPem: otherKey },
    { ...edRow, alg: 'ecdsa-p256-sha256' },
    { ...edRow, publicKeyPem: privatePem },
    { ...edRow, publicKeyPem: edRow.publicKeyPem + otherKey },
    { ...edRow, publicKeyPem: 'no key' },
    { ...edRow, notBefore: '2027-01-01T00:00:00Z' },
    p384,
    rsa,
    rowOf({ publicKey: identityPoint }, 'ed25519'),
  ];
  for (const row of broken) {
    const store = importTrust([p256Row, row]);
    assert.equal(store.signers.size, 1, row.publicKeyPem);
    assert.equal(verifyRaw(row, edSignature), 'E_TRUST_STORE');
    assert.throws(() => requireWholeTrust(store), { code: 'E_TRUST_STORE' });
  }
  assert.equal(importTrust([edRow, edRow]).signers.size, 0);
  assert.equal(importTrust([edRow, edRow, edRow]).signers.size, 0);
  assert.throws(() => requireWholeTrust(importTrust([edRow, null])), /row 2/);
  assert.equal(requireWholeTrust(importTrust([edRow])).signers.size, 1);
});
