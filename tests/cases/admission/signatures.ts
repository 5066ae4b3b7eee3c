/** Signatures and the trust rows of their keys. */
import { Buffer } from 'node:buffer';
import { createHash, createPublicKey, sign } from 'node:crypto';
import { pae } from '@airlock/common/dsse/pae';
import { sha256Hex } from '@airlock/common/encoding/hex';
import type { SigningKey } from '@airlock/common/dsse/sign';
import { keyIdOf } from '@airlock/common/trust/signer';
import type { CaseTable } from '../case.ts';
import { addGroupOrder, derOf, twinOf } from '../signatures.ts';
import {
  bad,
  base64,
  builder,
  bundle,
  by,
  ecdsa,
  edSignature,
  goodPayload,
  goodSignature,
  message,
  prBuilder,
  row,
  rowOf,
  secondBuilder,
  signedBy,
  state,
  tester,
  unknown,
  world,
} from './world.ts';

/** The neutral point: with it as key and as R, and S = 0, every message verifies. */
const identity = Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);
const smallOrderKey = createPublicKey({
  key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), identity]),
  format: 'der',
  type: 'spki',
});
const spkiOf = (key: SigningKey): Buffer =>
  createPublicKey(rowOf(key).publicKeyPem).export({ type: 'spki', format: 'der' });
const pemOf = (der: Uint8Array): string =>
  `-----BEGIN PUBLIC KEY-----\n${base64(der)}\n-----END PUBLIC KEY-----\n`;
/** The builder's key by a compressed point, which is another key id. */
const compressed = ((): Buffer => {
  const spki = spkiOf(builder);
  const [x, y] = [spki.subarray(-64, -32), spki.subarray(-32)];
  const header = Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex');
  return Buffer.concat([header, Buffer.of((y[31] ?? 0) % 2 === 0 ? 2 : 3), x]);
})();

export const signatures: CaseTable = [
  ['a stranger beside the builder', 'OK', signedBy(unknown(1), goodSignature)],
  ['strangers alone', 'E_KEY_UNKNOWN', signedBy(unknown(1), unknown(2))],
  ['a keyid that is empty', 'E_KEY_UNKNOWN', signedBy({ ...goodSignature, keyid: '' })],
  [
    'a keyid called constructor',
    'E_KEY_UNKNOWN',
    signedBy({ ...goodSignature, keyid: 'constructor' }),
  ],
  [
    'a keyid with a line feed',
    'E_KEY_UNKNOWN',
    signedBy({ ...goodSignature, keyid: `${builder.keyid}\n` }),
  ],
  ['a stranger, then the builder failing', 'E_SIG_INVALID', signedBy(unknown(1), bad(builder))],
  [
    'the builder, then another pinned key failing',
    'E_SIG_INVALID',
    signedBy(goodSignature, bad(tester)),
  ],
  ['a pinned key failing, then the builder', 'E_SIG_INVALID', signedBy(bad(tester), goodSignature)],
  ['the same key twice', 'E_SIG_DUP', signedBy(goodSignature, goodSignature)],
  [
    'the same key twice by two signatures',
    'E_SIG_DUP',
    signedBy(goodSignature, by(builder, ecdsa(builder))),
  ],
  [
    'the same key twice, the second failing',
    'E_SIG_INVALID',
    signedBy(goodSignature, bad(builder)),
  ],
  ['the same stranger twice', 'OK', signedBy(goodSignature, unknown(1), unknown(1))],
  ['an empty signature by a pinned key', 'E_SIG_INVALID', signedBy({ ...goodSignature, sig: '' })],
  [
    'r and s side by side',
    'E_SIG_INVALID',
    signedBy(
      by(builder, sign('sha256', message, { key: builder.privateKey, dsaEncoding: 'ieee-p1363' })),
    ),
  ],
  ['SHA-384 over P-256', 'E_SIG_INVALID', signedBy(by(builder, ecdsa(builder, message, 'sha384')))],
  ['over the bare payload', 'E_SIG_INVALID', signedBy(by(builder, ecdsa(builder, goodPayload)))],
  [
    'over another type',
    'E_SIG_INVALID',
    signedBy(by(builder, ecdsa(builder, pae('application/json', goodPayload)))),
  ],
  ['r and s of zero', 'E_SIG_INVALID', signedBy(by(builder, derOf(Buffer.of(0), Buffer.of(0))))],
  ['Ed25519 by the second builder', 'OK', signedBy(by(secondBuilder, edSignature))],
  [
    'Ed25519 with S plus L',
    'E_SIG_INVALID',
    signedBy(by(secondBuilder, addGroupOrder(edSignature))),
  ],
  [
    'Ed25519 with a byte appended',
    'E_SIG_INVALID',
    signedBy(by(secondBuilder, Buffer.concat([edSignature, Buffer.of(0)]))),
  ],
  [
    'an ECDSA signature by the Ed25519 key',
    'E_SIG_INVALID',
    signedBy(by(secondBuilder, ecdsa(builder))),
  ],
  ['the twin of a signature', 'OK', signedBy(by(builder, twinOf(ecdsa(builder))))],
  [
    'the twin of a signature admitted before',
    'E_REPLAY',
    {
      ...signedBy(by(builder, twinOf(ecdsa(builder)))),
      ...state({ payloads: [sha256Hex(goodPayload)] }),
    },
  ],
  [
    'a row under another key id',
    'E_TRUST_STORE',
    row(builder, { publicKeyPem: rowOf(prBuilder).publicKeyPem }),
  ],
  [
    'a row under another key id, signed by its key',
    'E_TRUST_STORE',
    {
      ...signedBy({ ...by(tester, ecdsa(tester)), keyid: builder.keyid }),
      ...row(builder, { publicKeyPem: rowOf(tester).publicKeyPem }),
    },
  ],
  [
    'a row with a byte after its key',
    'E_TRUST_STORE',
    row(builder, { publicKeyPem: pemOf(Buffer.concat([spkiOf(builder), Buffer.of(0)])) }),
  ],
  [
    'a row with a compressed key',
    'E_TRUST_STORE',
    {
      ...signedBy({
        ...goodSignature,
        keyid: base64(createHash('sha256').update(compressed).digest()),
      }),
      ...row(builder, {
        keyid: base64(createHash('sha256').update(compressed).digest()),
        publicKeyPem: pemOf(compressed),
      }),
    },
  ],
  [
    'a row with a key that is none',
    'E_TRUST_STORE',
    row(builder, {
      publicKeyPem: '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n',
    }),
  ],
  ['a row with the wrong algorithm', 'E_TRUST_STORE', row(builder, { alg: 'ed25519' })],
  [
    'a row with an algorithm that nobody knows',
    'E_TRUST_STORE',
    row(builder, { alg: 'rsa-sha256' }),
  ],
  ['a row without a key', 'E_TRUST_STORE', row(builder, { publicKeyPem: '' })],
  [
    'a row with two keys',
    'E_TRUST_STORE',
    row(builder, { publicKeyPem: rowOf(builder).publicKeyPem + rowOf(tester).publicKeyPem }),
  ],
  [
    'a row with a private key',
    'E_TRUST_STORE',
    row(builder, {
      publicKeyPem: builder.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    }),
  ],
  [
    'a row with a role that nobody knows',
    'E_TRUST_STORE',
    row(builder, { roles: ['provenance', 'root'] }),
  ],
  ['a row without roles', 'E_TRUST_STORE', row(builder, { roles: [] })],
  ['a row without builders', 'E_TRUST_STORE', row(builder, { builderIds: null })],
  ['a row whose window is no time', 'E_TRUST_STORE', row(builder, { notAfter: 'never' })],
  [
    'a row whose window ends first',
    'E_TRUST_STORE',
    row(builder, { notBefore: '2027-01-01T00:00:00Z' }),
  ],
  ['a row revoked at no time', 'E_TRUST_STORE', row(builder, { revokedAt: 'yes' })],
  ['two rows for the key', 'E_TRUST_STORE', { trust: [...world.rows, rowOf(builder)] }],
  [
    'a key of small order',
    'E_TRUST_STORE',
    {
      ...signedBy({
        keyid: keyIdOf(smallOrderKey),
        sig: base64(Buffer.concat([identity, Buffer.alloc(32)])),
      }),
      trust: [
        ...world.rows,
        {
          ...rowOf(secondBuilder),
          keyid: keyIdOf(smallOrderKey),
          publicKeyPem: smallOrderKey.export({ type: 'spki', format: 'pem' }).toString(),
        },
      ],
    },
  ],
  ['a broken row that nobody uses', 'OK', row(prBuilder, { publicKeyPem: '' })],
  [
    'a broken row used beside a good one',
    'E_TRUST_STORE',
    {
      ...bundle({ provenanceKeys: [builder, secondBuilder] }),
      ...row(secondBuilder, { alg: 'ecdsa-p256-sha256' }),
    },
  ],
  [
    'a broken row and a failing signature',
    'E_TRUST_STORE',
    { ...signedBy(bad(builder)), ...row(builder, { alg: 'ed25519' }) },
  ],
  ['a key on its first moment', 'OK', row(builder, { notBefore: '2026-11-22T12:00:00Z' })],
  [
    'a key a second early',
    'E_KEY_NOT_YET_VALID',
    row(builder, { notBefore: '2026-11-22T12:00:01Z' }),
  ],
  ['a key on its last moment', 'OK', row(builder, { notAfter: '2026-11-22T12:00:00Z' })],
  ['a key a second late', 'E_KEY_EXPIRED', row(builder, { notAfter: '2026-11-22T11:59:59Z' })],
  [
    'a key revoked this moment',
    'E_KEY_REVOKED',
    row(builder, { revokedAt: '2026-11-22T12:00:00Z' }),
  ],
  ['a key to be revoked in a second', 'OK', row(builder, { revokedAt: '2026-11-22T12:00:01Z' })],
  [
    'a key revoked before it was valid',
    'E_KEY_REVOKED',
    row(builder, { revokedAt: '2026-01-02T00:00:00Z', notBefore: '2026-12-01T00:00:00Z' }),
  ],
  [
    'a key both revoked and expired',
    'E_KEY_REVOKED',
    row(builder, { revokedAt: '2026-02-01T00:00:00Z', notAfter: '2026-03-01T00:00:00Z' }),
  ],
  [
    'a revoked key beside a good one',
    'E_KEY_REVOKED',
    {
      ...bundle({ provenanceKeys: [builder, secondBuilder] }),
      ...row(secondBuilder, { revokedAt: '2026-11-01T00:00:00Z' }),
    },
  ],
  [
    'a failing signature by a revoked key',
    'E_SIG_INVALID',
    { ...signedBy(bad(builder)), ...row(builder, { revokedAt: '2026-11-01T00:00:00Z' }) },
  ],
  [
    'a revoked key twice',
    'E_KEY_REVOKED',
    {
      ...signedBy(goodSignature, goodSignature),
      ...row(builder, { revokedAt: '2026-11-01T00:00:00Z' }),
    },
  ],
];
