/** The passkey's assertion: client data, authenticator data, counter, signature. */
import { Buffer } from 'node:buffer';
import { generateKeyPairSync, sign } from 'node:crypto';
import { signedMessage } from '@airlock/common/testing/approval-world';
import type { CaseTable } from '../case.ts';
import { twinOf } from '../signatures.ts';
import {
  approve,
  client,
  credential,
  good,
  goodMira,
  known,
  leo,
  mira,
  one,
  origin,
  person,
  signed,
  speltClient,
} from './world.ts';

const synced = person('leo', 'ed25519', { signCount: 0 });

const otherLeo = person('leo');

const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const p384Pem = p384.publicKey.export({ type: 'spki', format: 'pem' }).toString();

export const assertions: CaseTable = [
  [
    'client data with padding',
    'E_BASE64',
    one({ ...good, clientDataJSON: `${good.clientDataJSON}=` }),
  ],
  ['client data that is no JSON', 'E_JSON', signed({ clientDataText: (text) => `${text}x` })],
  ['client data without a value', 'E_JSON', speltClient('{', '{"a":,')],
  ['client data with an escape cut short', 'E_JSON', speltClient('{', '{"a":"\\u00zz",')],
  ['client data with an unknown escape', 'E_JSON', speltClient('{', '{"a":"\\x",')],
  ['client data with half a key', 'E_JSON', speltClient('{', '{a":1,')],
  ['client data with a list that never ends', 'E_JSON', speltClient(/\}$/, ',"a":[1}')],
  ['client data with a line feed in a text', 'E_JSON', speltClient('{', '{"a":"\n",')],
  [
    'client data with a byte order mark',
    'E_ENCODING',
    signed({ clientDataText: (text) => `\ufeff${text}` }),
  ],
  ['client data with the origin twice', 'E_JSON_DUP', speltClient('{', `{"origin":"${origin}",`)],
  [
    'client data with the challenge twice, once escaped',
    'E_JSON_DUP',
    speltClient('{', '{"ch\\u0061llenge":"x",'),
  ],
  ['client data with __proto__', 'E_JSON_KEY', speltClient('{', '{"__proto__":{},')],
  ['client data with a fraction', 'E_JSON_NUMBER', client({ a: 1.5 })],
  ['client data with half a pair', 'E_UNICODE', speltClient('{', '{"a":"\\udc00",')],
  ['client data of depth four', 'OK', client({ a: [[[]]] })],
  ['client data of depth five', 'E_JSON_DEPTH', client({ a: [[[[]]]] })],
  [
    'client data that is a list',
    'E_WEBAUTHN_CLIENT_DATA',
    signed({ clientDataText: (text) => `[${text}]` }),
  ],
  [
    'client data of 4096 bytes',
    'OK',
    signed({
      clientDataText: (text) => text.replace('{', `{"a":"${'x'.repeat(4096 - text.length - 7)}",`),
    }),
  ],
  [
    'client data of 4097 bytes',
    'E_WEBAUTHN_CLIENT_DATA',
    signed({
      clientDataText: (text) => text.replace('{', `{"a":"${'x'.repeat(4097 - text.length - 7)}",`),
    }),
  ],
  [
    'client data with white space',
    'OK',
    signed({ clientDataText: (text) => ` ${text.replace(',', ' , ')}` }),
  ],
  ['a key that a browser adds', 'OK', client({ other_keys_can_be_added_here: 'x' })],
  ['a registration', 'E_WEBAUTHN_TYPE', client({ type: 'webauthn.create' })],
  ['no type', 'E_WEBAUTHN_TYPE', client({ type: undefined })],
  ['a frame', 'E_WEBAUTHN_CROSS_ORIGIN', client({ crossOrigin: true })],
  ['crossOrigin as a text', 'E_WEBAUTHN_CROSS_ORIGIN', client({ crossOrigin: 'false' })],
  ['crossOrigin null', 'E_WEBAUTHN_CROSS_ORIGIN', client({ crossOrigin: null })],
  ['no crossOrigin', 'OK', client({ crossOrigin: undefined })],
  ['a top origin', 'E_WEBAUTHN_CROSS_ORIGIN', client({ topOrigin: origin })],
  [
    'an origin that only begins like ours',
    'E_WEBAUTHN_ORIGIN',
    client({ origin: `${origin}.evil` }),
  ],
  ['an origin with a slash', 'E_WEBAUTHN_ORIGIN', client({ origin: `${origin}/` })],
  ['an origin on another port', 'E_WEBAUTHN_ORIGIN', client({ origin: `${origin}:8443` })],
  ['an origin without TLS', 'E_WEBAUTHN_ORIGIN', client({ origin: 'http://gate.example' })],
  ['an origin below ours', 'E_WEBAUTHN_ORIGIN', client({ origin: 'https://a.gate.example' })],
  ['an origin that is a list', 'E_WEBAUTHN_ORIGIN', client({ origin: [origin] })],
  ['no origin', 'E_WEBAUTHN_ORIGIN', client({ origin: undefined })],
  ['the second of two origins', 'OK', known({ origins: ['https://other.example', origin] })],
  [
    'another challenge',
    'E_WEBAUTHN_CHALLENGE',
    client({ challenge: Buffer.alloc(32).toString('base64url') }),
  ],
  [
    'a challenge with padding',
    'E_WEBAUTHN_CHALLENGE',
    speltClient(
      /"challenge":"[^"]*/,
      `${/"challenge":"[^"]*/.exec(Buffer.from(good.clientDataJSON, 'base64url').toString())?.[0] ?? ''}=`,
    ),
  ],
  ['no challenge', 'E_WEBAUTHN_CHALLENGE', client({ challenge: undefined })],
  [
    'authenticator data in standard base64',
    'E_BASE64',
    one({ ...good, authenticatorData: `${good.authenticatorData}=` }),
  ],
  [
    'authenticator data of 36 bytes',
    'E_WEBAUTHN_AUTH_DATA',
    one({
      ...good,
      authenticatorData: Buffer.from(good.authenticatorData, 'base64url')
        .subarray(0, 36)
        .toString('base64url'),
    }),
  ],
  ['no authenticator data', 'E_WEBAUTHN_AUTH_DATA', one({ ...good, authenticatorData: '' })],
  ['the passkey of a parent domain', 'E_WEBAUTHN_RPID', signed({ rpId: 'example' })],
  ['the passkey of nonprod', 'E_WEBAUTHN_RPID', signed({ rpId: 'nonprod.example' })],
  ['no touch', 'E_WEBAUTHN_UP', signed({ flags: 0x04 })],
  ['no PIN', 'E_WEBAUTHN_UV', signed({ flags: 0x01 })],
  ['a synced passkey', 'OK', signed({ flags: 0x1d })],
  ['a passkey that may be synced', 'OK', signed({ flags: 0x0d })],
  ['backed up but not eligible', 'E_WEBAUTHN_FLAGS', signed({ flags: 0x15 })],
  ['an attested key', 'E_WEBAUTHN_FLAGS', signed({ flags: 0x45 })],
  ['extensions', 'E_WEBAUTHN_FLAGS', signed({ flags: 0x85 })],
  ['the second reserved flag', 'E_WEBAUTHN_FLAGS', signed({ flags: 0x07 })],
  ['the sixth reserved flag', 'E_WEBAUTHN_FLAGS', signed({ flags: 0x25 })],
  ['a byte after the counter', 'E_WEBAUTHN_AUTH_DATA', signed({ trailing: Buffer.of(0) })],
  ['the counter as before', 'E_WEBAUTHN_COUNTER', signed({ counter: 5 })],
  ['a lower counter', 'E_WEBAUTHN_COUNTER', signed({ counter: 4 })],
  ['a counter back to zero', 'E_WEBAUTHN_COUNTER', signed({ counter: 0 })],
  ['the largest counter', 'OK', signed({ counter: 0xffffffff })],
  [
    'a passkey that does not count',
    'OK',
    {
      approvals: [approve(synced, { counter: 0 }), goodMira],
      credentials: [credential(synced), credential(mira)],
    },
  ],
  [
    'a passkey that begins to count',
    'OK',
    {
      approvals: [approve(synced, { counter: 1 }), goodMira],
      credentials: [credential(synced), credential(mira)],
    },
  ],
  ['a key on another curve', 'E_WEBAUTHN_KEY', known({ publicKeyPem: p384Pem })],
  [
    'an approval signed on another curve',
    'E_WEBAUTHN_KEY',
    {
      ...one(approve({ ...leo, privateKey: p384.privateKey })),
      ...known({ publicKeyPem: p384Pem }),
    },
  ],
  ['a key that is none', 'E_WEBAUTHN_KEY', known({ publicKeyPem: 'x' })],
  [
    'the key of another person',
    'E_WEBAUTHN_SIG',
    known({ publicKeyPem: otherLeo.credential.publicKeyPem }),
  ],
  ['a signature with padding', 'E_BASE64', one({ ...good, signature: `${good.signature}=` })],
  ['no signature', 'E_WEBAUTHN_SIG', one({ ...good, signature: '' })],
  [
    'a byte after the signature',
    'E_WEBAUTHN_SIG',
    one({
      ...good,
      signature: Buffer.concat([Buffer.from(good.signature, 'base64url'), Buffer.of(0)]).toString(
        'base64url',
      ),
    }),
  ],
  [
    'r and s side by side',
    'E_WEBAUTHN_SIG',
    one({
      ...good,
      signature: sign('sha256', signedMessage(good), {
        key: leo.privateKey,
        dsaEncoding: 'ieee-p1363',
      }).toString('base64url'),
    }),
  ],
  [
    'the twin of a signature',
    'OK',
    one({
      ...good,
      signature: twinOf(Buffer.from(good.signature, 'base64url')).toString('base64url'),
    }),
  ],
  [
    'a signature for other client data',
    'E_WEBAUTHN_SIG',
    one({ ...good, signature: approve(leo, { clientData: { a: 'x' } }).signature }),
  ],
  [
    'a signature for another counter',
    'E_WEBAUTHN_SIG',
    one({ ...good, signature: approve(leo, { counter: 7 }).signature }),
  ],
];
