/** Approvals signed by a security key with ssh-keygen: its form, its key, its flags and counter, its signature. */
import { Buffer } from 'node:buffer';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { parseSecurityKey } from '@airlock/common/approval/security-key';
import { approvalStatement } from '@airlock/common/approval/statement';
import {
  createSoftwareSecurityKey,
  type SecurityKeySignature,
  type SoftwareSecurityKey,
} from '@airlock/cli/software-security-key';
import type { CaseTable } from '../case.ts';
import { credential, goodMira, leo, mira, promotion } from './world.ts';

const key = createSoftwareSecurityKey();
const curveKey = createSoftwareSecurityKey('ecdsa');
const namespace = 'airlock-approval@v1';
const statement = approvalStatement({
  promotionDigest: promotion,
  target: 'prod-eu',
  approver: 'leo',
  nonce: 'nonce-leo-by-ssh',
  notAfter: '2026-11-22T13:00:00Z',
  decision: 'approve',
});

const enrolled = (of: SoftwareSecurityKey, changes: object = {}) => {
  const { fingerprint, publicKeyPem } = parseSecurityKey(of.publicKey);
  return credential(leo, { id: fingerprint, publicKeyPem, rpId: 'ssh:', ...changes });
};

const armoured = (of: SoftwareSecurityKey, changes: Partial<SecurityKeySignature> = {}): string =>
  of.sign({ namespace, message: statement, counter: 6, ...changes });

type Changes = {
  readonly by?: SoftwareSecurityKey;
  readonly signed?: Partial<SecurityKeySignature>;
  readonly signature?: (good: string) => string;
  readonly evidence?: object;
  readonly known?: object;
};

const by = ({ by: of = key, signed = {}, signature = (good) => good, ...rest }: Changes = {}) => ({
  credentials: [enrolled(of, rest.known), credential(mira)],
  approvals: [
    {
      statement: statement.toString('base64'),
      credentialId: parseSecurityKey(of.publicKey).fingerprint,
      authenticatorData: '',
      clientDataJSON: '',
      signature: signature(armoured(of, signed)),
      ...rest.evidence,
    },
    goodMira,
  ],
});

const wrap = (bytes: Buffer): string =>
  `-----BEGIN SSH SIGNATURE-----\n${bytes.toString('base64')}\n-----END SSH SIGNATURE-----\n`;
const bytesOf = (text: string): Buffer =>
  Buffer.from(text.replaceAll(/-----[A-Z ]+-----|\n/g, ''), 'base64');

/** The bytes inside the armour, changed. */
const raw = (change: (bytes: Buffer) => Buffer) => (good: string) => wrap(change(bytesOf(good)));

function field(bytes: Buffer | string): Buffer {
  const value = Buffer.from(bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, value]);
}

function fieldsOf(bytes: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readUInt32BE(at);
    fields.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

/** The five fields of the signature, changed: key, namespace, reserved, hash, signature. */
const parts = (change: (fields: Buffer[]) => Buffer[]) =>
  raw((bytes) =>
    Buffer.concat([bytes.subarray(0, 10), ...change(fieldsOf(bytes.subarray(10))).map(field)]),
  );

const replaced = (place: number, change: (value: Buffer) => Buffer) =>
  parts((fields) => fields.map((value, at) => (at === place ? change(value) : value)));
const keyBlob = (change: (fields: Buffer[]) => Buffer[]) =>
  replaced(0, (blob) => Buffer.concat(change(fieldsOf(blob)).map(field)));
/** Name and raw signature, changed; flags and counter stay behind them. */
const signatureBlob = (change: (fields: Buffer[]) => Buffer[]) =>
  replaced(4, (blob) =>
    Buffer.concat([...change(fieldsOf(blob.subarray(0, -5))).map(field), blob.subarray(-5)]),
  );

/** The same point under the name of a key that lies in a file. */
const softwareKey = (() => {
  const { publicKey } = generateKeyPairSync('ed25519');
  const point = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  return Buffer.concat([field('ssh-ed25519'), field(point)]);
})();

/** A curve point that is none, an uncompressed one of the right length. */
const noPoint = Buffer.concat([Buffer.from([4]), Buffer.alloc(64, 1)]);
const ed25519 = 'sk-ssh-ed25519@openssh.com';
const otherPem = createPublicKey(generateKeyPairSync('ed25519').privateKey)
  .export({ type: 'spki', format: 'pem' })
  .toString();
const lowOrder = Buffer.alloc(32);

/** The two numbers of a P-256 signature, as they stand in it. */
const numbersOf = (text: string): Buffer[] =>
  fieldsOf(
    fieldsOf((fieldsOf(bytesOf(text).subarray(10))[4] ?? lowOrder).subarray(0, -5))[1] ?? lowOrder,
  );

/** A good signature whose numbers are of this kind; each holds for one of a few hundred at the least. */
function withNumbers(are: (r: Buffer, s: Buffer) => boolean): string {
  for (;;) {
    const text = armoured(curveKey);
    const [r, s] = numbersOf(text);
    if (r !== undefined && s !== undefined && are(r, s)) return text;
  }
}

const isPadded = (number: Buffer): boolean => number[0] === 0;
const secondIsLow = (number: Buffer): boolean => (number[1] ?? 0xff) < 0x80;
const paddedText = withNumbers((r) => isPadded(r));
const plainText = withNumbers((r) => !isPadded(r));
/** The first number, changed. */
const firstNumber = (change: (number: Buffer) => Buffer) =>
  signatureBlob(([name = lowOrder, value = lowOrder]) => {
    const [r = lowOrder, s = lowOrder] = fieldsOf(value);
    return [name, Buffer.concat([change(r), s].map(field))];
  });
const filled = (good: string, length: number): string => {
  const end = good.indexOf('\n-----END');
  return good.slice(0, end) + '\n'.repeat(length - good.length) + good.slice(end);
};

export const securityKeys: CaseTable = [
  ...(
    [
      ['begins with 7f', (r) => r[0] === 0x7f],
      ['begins with 80 behind its zero', (r) => isPadded(r) && r[1] === 0x80],
      ['needs no zero before it', (r, s) => ![r, s].some(isPadded) && [r, s].every(secondIsLow)],
      ['needs a zero before it', (r, s) => [r, s].every(isPadded)],
    ] satisfies [string, (r: Buffer, s: Buffer) => boolean][]
  ).map(([kind, are]): CaseTable[number] => [
    `a security key of P-256 whose number ${kind}`,
    'OK',
    by({ by: curveKey, signature: () => withNumbers(are) }),
  ]),
  [
    'a security key of P-256 with a negative number',
    'E_WEBAUTHN_SIG',
    by({ by: curveKey, signature: () => firstNumber((r) => r.subarray(1))(paddedText) }),
  ],
  [
    'a security key of P-256 with a zero before a number that needs none',
    'E_WEBAUTHN_SIG',
    by({
      by: curveKey,
      signature: () => firstNumber((r) => Buffer.concat([Buffer.alloc(1), r]))(plainText),
    }),
  ],
  [
    'a security key with an empty signature',
    'E_WEBAUTHN_SIG',
    by({ signature: signatureBlob(([name = lowOrder]) => [name, Buffer.alloc(0)]) }),
  ],
  [
    'a security key whose signature is as long as one may be',
    'OK',
    by({ signature: (good) => filled(good, 16 * 1024) }),
  ],
  [
    'a security key whose signature is one byte longer',
    'E_SSH_SIGNATURE',
    by({ signature: (good) => filled(good, 16 * 1024 + 1) }),
  ],
  ['a security key of Ed25519', 'OK', by()],
  ['a security key of P-256', 'OK', by({ by: curveKey })],
  [
    'a security key that does not count',
    'OK',
    by({ signed: { counter: 0 }, known: { signCount: 0 } }),
  ],
  [
    'a security key with data of an authenticator',
    'E_SSH_SIGNATURE',
    by({ evidence: { authenticatorData: 'AA' } }),
  ],
  [
    'a security key with data of a browser',
    'E_SSH_SIGNATURE',
    by({ evidence: { clientDataJSON: 'AA' } }),
  ],
  ['a security key whose signature is none', 'E_SSH_SIGNATURE', by({ signature: () => 'AA' })],
  [
    'a security key whose signature is too long',
    'E_SSH_SIGNATURE',
    by({ signature: (good) => good + ' '.repeat(20_000) }),
  ],
  [
    'a security key whose armour holds no base64',
    'E_SSH_SIGNATURE',
    by({ signature: (good) => good.replace('U1NI', '=1NI') }),
  ],
  [
    'a security key without the magic',
    'E_SSH_SIGNATURE',
    by({ signature: raw((bytes) => Buffer.concat([Buffer.from('SSHXIG'), bytes.subarray(6)])) }),
  ],
  [
    'a security key whose signature ends after the magic',
    'E_SSH_SIGNATURE',
    by({ signature: raw((bytes) => bytes.subarray(0, 6)) }),
  ],
  [
    'a security key of version 2',
    'E_SSH_SIGNATURE',
    by({
      signature: raw((bytes) => {
        const next = Buffer.from(bytes);
        next.writeUInt32BE(2, 6);
        return next;
      }),
    }),
  ],
  [
    'a security key whose signature is cut',
    'E_SSH_SIGNATURE',
    by({ signature: raw((bytes) => bytes.subarray(0, -1)) }),
  ],
  [
    'a security key with half a length',
    'E_SSH_SIGNATURE',
    by({ signature: raw((bytes) => Buffer.concat([bytes, Buffer.from([0, 0])])) }),
  ],
  [
    'a security key with a field too few',
    'E_SSH_SIGNATURE',
    by({ signature: parts((fields) => fields.slice(0, -1)) }),
  ],
  [
    'a security key with a field too many',
    'E_SSH_SIGNATURE',
    by({ signature: parts((fields) => [...fields, Buffer.alloc(0)]) }),
  ],
  [
    'a security key with something reserved',
    'E_SSH_SIGNATURE',
    by({ signature: replaced(2, () => Buffer.from('x')) }),
  ],
  [
    'a security key with SHA-1',
    'E_SSH_SIGNATURE',
    by({ signature: replaced(3, () => Buffer.from('sha1')) }),
  ],
  ['a security key for git', 'E_SSH_SIGNATURE', by({ signed: { namespace: 'git' } })],
  [
    'a security key for enrolments',
    'E_SSH_SIGNATURE',
    by({ signed: { namespace: 'airlock-enrolment@v1' } }),
  ],
  [
    'a security key whose namespace was changed afterwards',
    'E_WEBAUTHN_SIG',
    by({ signed: { namespace: 'git' }, signature: replaced(1, () => Buffer.from(namespace)) }),
  ],
  [
    'a security key whose hash was changed afterwards',
    'E_WEBAUTHN_SIG',
    by({ signature: replaced(3, () => Buffer.from('sha256')) }),
  ],
  ['a key in a file', 'E_WEBAUTHN_KEY', by({ signature: replaced(0, () => softwareKey) })],
  [
    'a security key with an empty key',
    'E_WEBAUTHN_KEY',
    by({ signature: replaced(0, () => Buffer.alloc(0)) }),
  ],
  [
    'a security key with half a key',
    'E_WEBAUTHN_KEY',
    by({ signature: replaced(0, (blob) => blob.subarray(0, -1)) }),
  ],
  [
    'a security key without its application',
    'E_WEBAUTHN_KEY',
    by({ signature: keyBlob((fields) => fields.slice(0, -1)) }),
  ],
  [
    'a security key with one field too many in its key',
    'E_WEBAUTHN_KEY',
    by({
      signature: keyBlob(([name = Buffer.alloc(0), ...fields]) => [
        name,
        Buffer.alloc(0),
        ...fields,
      ]),
    }),
  ],
  [
    'a security key of another application',
    'E_WEBAUTHN_KEY',
    by({ signed: { application: 'ssh:shared' } }),
  ],
  [
    'a security key with a short point',
    'E_WEBAUTHN_KEY',
    by({
      signature: keyBlob(
        ([name = Buffer.alloc(0), point = Buffer.alloc(0), application = Buffer.alloc(0)]) => [
          name,
          point.subarray(1),
          application,
        ],
      ),
    }),
  ],
  [
    'a security key with a point that anybody signs for',
    'E_WEBAUTHN_KEY',
    by({
      signature: keyBlob(([name = Buffer.alloc(0), , application = Buffer.alloc(0)]) => [
        name,
        lowOrder,
        application,
      ]),
    }),
  ],
  [
    'a security key of another curve',
    'E_WEBAUTHN_KEY',
    by({
      by: curveKey,
      signature: keyBlob(
        ([name = Buffer.alloc(0), , point = Buffer.alloc(0), application = Buffer.alloc(0)]) => [
          name,
          Buffer.from('nistp384'),
          point,
          application,
        ],
      ),
    }),
  ],
  [
    'a security key with no point of its curve',
    'E_WEBAUTHN_KEY',
    by({
      by: curveKey,
      signature: keyBlob(
        ([name = Buffer.alloc(0), curve = Buffer.alloc(0), , application = Buffer.alloc(0)]) => [
          name,
          curve,
          noPoint,
          application,
        ],
      ),
    }),
  ],
  [
    'a security key with a compressed point',
    'E_WEBAUTHN_KEY',
    by({
      by: curveKey,
      signature: keyBlob(
        ([
          name = Buffer.alloc(0),
          curve = Buffer.alloc(0),
          point = Buffer.alloc(0),
          application = Buffer.alloc(0),
        ]) => [name, curve, Buffer.concat([Buffer.from([2]), point.subarray(1)]), application],
      ),
    }),
  ],
  [
    'a security key with a short point of its curve',
    'E_WEBAUTHN_KEY',
    by({
      by: curveKey,
      signature: keyBlob(
        ([
          name = Buffer.alloc(0),
          curve = Buffer.alloc(0),
          point = Buffer.alloc(0),
          application = Buffer.alloc(0),
        ]) => [name, curve, point.subarray(0, 64), application],
      ),
    }),
  ],
  [
    'a security key that is not the enrolled one',
    'E_WEBAUTHN_KEY',
    by({ signature: () => armoured(createSoftwareSecurityKey()) }),
  ],
  [
    'a security key enrolled with another public key',
    'E_WEBAUTHN_KEY',
    by({ known: { publicKeyPem: otherPem } }),
  ],
  [
    'a security key whose signature is of the other algorithm',
    'E_SSH_SIGNATURE',
    by({
      signature: signatureBlob(([, value = Buffer.alloc(0)]) => [
        Buffer.from('sk-ecdsa-sha2-nistp256@openssh.com'),
        value,
      ]),
    }),
  ],
  [
    'a security key whose signature lacks flags',
    'E_SSH_SIGNATURE',
    by({ signature: replaced(4, (blob) => blob.subarray(0, -1)) }),
  ],
  [
    'a security key with nothing for a signature',
    'E_SSH_SIGNATURE',
    by({ signature: replaced(4, () => Buffer.alloc(0)) }),
  ],
  [
    'a security key with a name for a signature',
    'E_SSH_SIGNATURE',
    by({ signature: signatureBlob(() => [Buffer.from(ed25519)]) }),
  ],
  [
    'a security key with two signatures in one',
    'E_SSH_SIGNATURE',
    by({
      signature: signatureBlob(([name = Buffer.alloc(0), value = Buffer.alloc(0)]) => [
        name,
        value,
        value,
      ]),
    }),
  ],
  ['a security key that nobody touched', 'E_WEBAUTHN_UP', by({ signed: { flags: 0x04 } })],
  ['a security key without PIN or finger', 'E_WEBAUTHN_UV', by({ signed: { flags: 0x01 } })],
  ['a security key that may be copied', 'E_WEBAUTHN_FLAGS', by({ signed: { flags: 0x0d } })],
  ['a security key with an unknown flag', 'E_WEBAUTHN_FLAGS', by({ signed: { flags: 0x45 } })],
  [
    'a security key whose counter stands still',
    'E_WEBAUTHN_COUNTER',
    by({ signed: { counter: 5 } }),
  ],
  [
    'a security key whose flags were set afterwards',
    'E_WEBAUTHN_SIG',
    by({
      signed: { flags: 0x01 },
      signature: replaced(4, (blob) => {
        const next = Buffer.from(blob);
        next.writeUInt8(0x05, next.length - 5);
        return next;
      }),
    }),
  ],
  [
    'a security key whose counter was raised afterwards',
    'E_WEBAUTHN_SIG',
    by({
      signed: { counter: 5 },
      signature: replaced(4, (blob) => {
        const next = Buffer.from(blob);
        next.writeUInt32BE(6, next.length - 4);
        return next;
      }),
    }),
  ],
  [
    'a security key that signed another statement',
    'E_WEBAUTHN_SIG',
    by({ signed: { message: Buffer.from('{}') } }),
  ],
  [
    'a security key with a cut signature',
    'E_WEBAUTHN_SIG',
    by({
      signature: signatureBlob(([name = Buffer.alloc(0), value = Buffer.alloc(0)]) => [
        name,
        value.subarray(1),
      ]),
    }),
  ],
  [
    'a security key of P-256 that signed another statement',
    'E_WEBAUTHN_SIG',
    by({ by: curveKey, signed: { message: Buffer.from('{}') } }),
  ],
  [
    'a security key of P-256 with one number',
    'E_WEBAUTHN_SIG',
    by({
      by: curveKey,
      signature: signatureBlob(([name = Buffer.alloc(0), value = Buffer.alloc(0)]) => [
        name,
        Buffer.concat(fieldsOf(value).slice(0, 1).map(field)),
      ]),
    }),
  ],
  [
    'a security key of P-256 with three numbers',
    'E_WEBAUTHN_SIG',
    by({
      by: curveKey,
      signature: signatureBlob(([name = Buffer.alloc(0), value = Buffer.alloc(0)]) => [
        name,
        Buffer.concat([...fieldsOf(value), Buffer.from([1])].map(field)),
      ]),
    }),
  ],
];
