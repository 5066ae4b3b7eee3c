/** Size and framing, UTF-8 and strict JSON. */
import { Buffer } from 'node:buffer';
import { join } from '@airlock/common/testing/bundle-world';
import type { CaseTable } from '../case.ts';
import { first, goodLine, inFirst, raw, requestLine, testLine } from './world.ts';

export const framing: CaseTable = [
  ['good', 'OK', {}],
  ['bundle of exactly 256 KiB', 'OK', raw(padded(262_144))],
  ['bundle one byte over 256 KiB', 'E_BUNDLE_SIZE', raw(padded(262_145))],
  ['nothing at all', 'E_BUNDLE', raw('')],
  ['a line feed alone', 'E_BUNDLE', raw('\n')],
  ['blank line first', 'E_BUNDLE', raw(`\n${join([goodLine, testLine, requestLine]).toString()}`)],
  ['blank line between', 'E_BUNDLE', raw(`${goodLine}\n\n${testLine}\n${requestLine}\n`)],
  ['blank line last', 'E_BUNDLE', raw(`${goodLine}\n${testLine}\n${requestLine}\n\n`)],
  ['no final line feed', 'E_BUNDLE', raw([goodLine, testLine, requestLine].join('\n'))],
  ['carriage returns', 'E_BUNDLE', raw(`${goodLine}\r\n${testLine}\r\n${requestLine}\r\n`)],
  ['carriage return in one line', 'E_BUNDLE', raw(`${goodLine}\n${testLine}\r\n${requestLine}\n`)],
  ['NUL after the last line feed', 'E_BUNDLE', raw(`${goodLine}\n${testLine}\n${requestLine}\n\0`)],
  ['seventeen lines', 'E_BUNDLE', raw(join(Array<string>(17).fill(goodLine)))],
  [
    'sixteen lines are counted no fault',
    'E_PREDICATE_DUP',
    raw(join(Array<string>(16).fill(goodLine))),
  ],
  ['lines in another order', 'OK', raw(join([requestLine, goodLine, testLine]))],
  ['bundle too large and not framed', 'E_BUNDLE_SIZE', raw(Buffer.alloc(262_145, 0x20))],
];

function padded(bytes: number): string {
  const whole = join([goodLine, testLine, requestLine]);
  return `${' '.repeat(bytes - whole.length)}${whole.toString()}`;
}

export const encoding: CaseTable = [
  ['byte 0xff', 'E_ENCODING', first(Buffer.concat([Buffer.from(goodLine), Buffer.of(0xff)]))],
  [
    'overlong slash',
    'E_ENCODING',
    first(Buffer.concat([Buffer.from(goodLine), Buffer.of(0xc0, 0xaf)])),
  ],
  [
    'surrogate in UTF-8',
    'E_ENCODING',
    first(Buffer.concat([Buffer.from(goodLine), Buffer.of(0xed, 0xa0, 0x80)])),
  ],
  ['byte order mark on the first line', 'E_ENCODING', first(`\ufeff${goodLine}`)],
  [
    'byte order mark on the second line',
    'E_ENCODING',
    raw(join([goodLine, `\ufeff${testLine}`, requestLine])),
  ],
  ['white space around the envelope', 'OK', first(` \t${goodLine} `)],
  ['envelope with its keys in another order', 'OK', first(reordered(goodLine))],
  ['envelope with an escaped slash', 'OK', inFirst('application/', 'application\\/')],
  ['envelope with an escaped letter', 'OK', inFirst('"payload":', '"p\\u0061yload":')],
  ['vertical tab as white space', 'E_JSON', first(`\v${goodLine}`)],
  ['no-break space as white space', 'E_JSON', first(`\u00a0${goodLine}`)],
  ['two envelopes on a line', 'E_JSON', first(`${goodLine}${goodLine}`)],
  ['a comma after the envelope', 'E_JSON', first(`${goodLine},`)],
  ['envelope cut off', 'E_JSON', first(goodLine.slice(0, -1))],
  ['a word for a value', 'E_JSON', inFirst('{', '{"a":undefined,')],
  ['Infinity', 'E_JSON', inFirst('{', '{"a":Infinity,')],
  ['a number with a leading zero', 'E_JSON', inFirst('{', '{"a":01,')],
  ['a number that ends in a point', 'E_JSON', inFirst('{', '{"a":1.,')],
  ['a plus sign', 'E_JSON', inFirst('{', '{"a":+1,')],
  ['a comment', 'E_JSON', first(`/**/${goodLine}`)],
  ['single quotes', 'E_JSON', inFirst('"payload"', "'payload'")],
  ['a comma too many in an object', 'E_JSON', inFirst(/\}$/, ',}')],
  ['a comma too many in a list', 'E_JSON', inFirst(/\]\}$/, ',]}')],
  ['no colon', 'E_JSON', inFirst('"payload":', '"payload"')],
  ['a tab in a string', 'E_JSON', inFirst('"payload":"', '"payload":"\t')],
  ['an unknown escape', 'E_JSON', inFirst('"payload":"', '"payload":"\\x')],
  ['an escape cut short', 'E_JSON', inFirst('"payload":"', '"payload":"\\u00')],
  ['a JSON key twice', 'E_JSON_DUP', inFirst('{', '{"payloadType":"x",')],
  ['a JSON key twice, once escaped', 'E_JSON_DUP', inFirst('{', '{"\\u0070ayload":"x",')],
  ['a JSON key twice in a signature', 'E_JSON_DUP', inFirst('"keyid"', '"keyid":"x","keyid"')],
  ['__proto__ in the envelope', 'E_JSON_KEY', inFirst('{', '{"__proto__":{},')],
  ['__proto__ escaped', 'E_JSON_KEY', inFirst('{', '{"__pr\\u006fto__":{},')],
  ['1e400 in the envelope', 'E_JSON_NUMBER', inFirst('{', '{"a":1e400,')],
  ['2 to the 53 in the envelope', 'E_JSON_NUMBER', inFirst('{', '{"a":9007199254740992,')],
  ['a fraction in the envelope', 'E_JSON_NUMBER', inFirst('{', '{"a":0.5,')],
  ['half a surrogate pair in the envelope', 'E_UNICODE', inFirst('"keyid":"', '"keyid":"\\ud800')],
  ['surrogates in the wrong order', 'E_UNICODE', inFirst('"keyid":"', '"keyid":"\\ude00\\ud83d')],
  ['a whole surrogate pair', 'E_KEY_UNKNOWN', inFirst('"keyid":"', '"keyid":"\\ud83d\\ude00')],
  ['envelope of depth five', 'E_JSON_DEPTH', inFirst(/"keyid":"[^"]*"/, '"keyid":[[]]')],
  ['envelope of depth four', 'E_ENVELOPE', inFirst(/"keyid":"[^"]*"/, '"keyid":[]')],
];

function reordered(line: string): string {
  // Made by signEnvelope a moment ago.
  const { payloadType, payload, signatures } = JSON.parse(line) as Record<string, unknown>;
  return JSON.stringify({ signatures, payload, payloadType });
}
