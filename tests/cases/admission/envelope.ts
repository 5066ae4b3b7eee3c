/** The envelope: shape, signature count, payload size, base64, payloadType. */
import { Buffer } from 'node:buffer';
import { intotoPayloadType } from '@airlock/common/constants';
import { signEnvelope } from '@airlock/common/dsse/sign';
import type { CaseTable } from '../case.ts';
import {
  base64,
  builder,
  edit,
  first,
  goodLine,
  goodPayload,
  goodSignature,
  inFirst,
  padTo,
  signedBy,
  swapped,
  unknown,
} from './world.ts';

export const envelope: CaseTable = [
  ['a list for an envelope', 'E_ENVELOPE', first('[]')],
  ['null for an envelope', 'E_ENVELOPE', first('null')],
  ['a text for an envelope', 'E_ENVELOPE', first('"x"')],
  ['envelope with a fourth field', 'E_ENVELOPE', inFirst('{', '{"cert":"x",')],
  ['envelope with a field of another case', 'E_ENVELOPE', inFirst('"payload"', '"Payload"')],
  ['envelope without payload', 'E_ENVELOPE', inFirst(/"payload":"[^"]*",/, '')],
  ['envelope without signatures', 'E_ENVELOPE', inFirst(/,"signatures".*\]/, '')],
  ['payload that is a number', 'E_ENVELOPE', inFirst(/"payload":"[^"]*"/, '"payload":1')],
  ['empty payload', 'E_ENVELOPE', inFirst(/"payload":"[^"]*"/, '"payload":""')],
  ['payloadType null', 'E_ENVELOPE', inFirst(/"payloadType":"[^"]*"/, '"payloadType":null')],
  ['signatures that are no list', 'E_ENVELOPE', inFirst(/"signatures":.*\]/, '"signatures":{}')],
  ['a signature that is null', 'E_ENVELOPE', inFirst('"signatures":[', '"signatures":[null,')],
  ['a signature with a certificate', 'E_ENVELOPE', inFirst('"keyid":', '"cert":"x","keyid":')],
  ['a signature without keyid', 'E_ENVELOPE', inFirst(/"keyid":"[^"]*",/, '')],
  ['a signature without sig', 'E_ENVELOPE', inFirst(/,"sig":"[^"]*"/, '')],
  ['a keyid that is null', 'E_ENVELOPE', inFirst(/"keyid":"[^"]*"/, '"keyid":null')],
  [
    'a stranger whose keyid is null',
    'E_ENVELOPE',
    inFirst('"signatures":[', '"signatures":[{"keyid":null,"sig":"AAAA"},'),
  ],
  ['a sig that is a number', 'E_ENVELOPE', inFirst(/"sig":"[^"]*"/, '"sig":1')],
  ['no signature', 'E_SIG_COUNT', signedBy()],
  ['eight signatures', 'OK', signedBy(goodSignature, ...[1, 2, 3, 4, 5, 6, 7].map(unknown))],
  [
    'nine signatures',
    'E_SIG_COUNT',
    signedBy(goodSignature, ...[1, 2, 3, 4, 5, 6, 7, 8].map(unknown)),
  ],
  ['payload of exactly 128 KiB', 'OK', padTo(131_072)],
  ['payload one byte over 128 KiB', 'E_PAYLOAD_SIZE', padTo(131_073)],
  ['payload three bytes over 128 KiB', 'E_PAYLOAD_SIZE', padTo(131_075)],
  ['a space in base64', 'E_BASE64', inFirst('"payload":"', '"payload":" ')],
  ['base64 without padding', 'E_BASE64', first(reencoded((text) => text.replace(/=+$/, '')))],
  ['base64 with padding too long', 'E_BASE64', first(reencoded((text) => `${text}=`))],
  ['base64 with stray bits', 'E_BASE64', first(reencoded(strayBits))],
  ['base64url in a signature', 'E_BASE64', signedBy({ ...goodSignature, sig: '_-__' })],
  ['a line feed in a signature', 'E_BASE64', inFirst('"sig":"', '"sig":"\\n')],
  [
    'bad base64 in the signature of a stranger',
    'E_BASE64',
    signedBy(goodSignature, { keyid: 'x', sig: '!' }),
  ],
  ['payloadType with a parameter', 'E_PAYLOAD_TYPE', inFirst('+json"', '+json; charset=utf-8"')],
  ['payloadType of JSON', 'E_PAYLOAD_TYPE', inFirst(intotoPayloadType, 'application/json')],
  ['payloadType with a look-alike', 'E_PAYLOAD_TYPE', inFirst('"application', '"аpplication')],
  [
    'nine signatures and a payload that is too large',
    'E_SIG_COUNT',
    first(
      JSON.stringify({
        payloadType: intotoPayloadType,
        payload: 'A'.repeat(180_000),
        signatures: [1, 2, 3, 4, 5, 6, 7, 8, 9].map(unknown),
      }),
    ),
  ],
  [
    'a payload that is too large and no base64',
    'E_PAYLOAD_SIZE',
    inFirst(/"payload":"[^"]*"/, `"payload":"${'!'.repeat(180_000)}"`),
  ],
  [
    'no base64 and another payloadType',
    'E_BASE64',
    first(swapped(swapped(goodLine, '"payload":"', '"payload":"!'), '+json', '+xml')),
  ],
];

/** The good provenance with a payload whose base64 has padding, spelt differently. */
function reencoded(spell: (text: string) => string): string {
  for (const pad of ['', 'x', 'xx']) {
    const text = base64(
      edit('"internalParameters":{}', `"internalParameters":{"a":"${pad}"}`)(goodPayload),
    );
    if (!text.endsWith('==')) continue;
    const line = signEnvelope(intotoPayloadType, Buffer.from(text, 'base64'), [builder]);
    return swapped(line, text, spell(text));
  }
  throw new Error('one of three lengths has two signs of padding');
}

function strayBits(text: string): string {
  const last = text.charAt(text.length - 3);
  return `${text.slice(0, -3)}${String.fromCharCode(last.charCodeAt(0) + 1)}==`;
}
