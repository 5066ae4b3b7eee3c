/** The signed statement, and which statements a bundle holds. */
import { Buffer } from 'node:buffer';
import { join } from '@airlock/common/testing/bundle-world';
import { signEnvelope } from '@airlock/common/dsse/sign';
import { intotoPayloadType } from '@airlock/common/constants';
import { statementBytes } from '@airlock/common/intoto/statement';
import type { CaseTable } from '../case.ts';
import {
  builder,
  bundle,
  goodLine,
  goodPayload,
  inside,
  nested,
  prov,
  provenance,
  raw,
  requestLine,
  testLine,
  testing,
  world,
} from './world.ts';

const good = goodPayload.toString();
const otherKind = signEnvelope(
  intotoPayloadType,
  statementBytes(world.build.subject, 'https://example.com/other/v1', {}),
  [builder],
);

/** The bytes with a field `a` after `anchor` whose value is this one byte. */
function withByte(bytes: Buffer, anchor: string, byte: number): Buffer {
  const at = bytes.indexOf(anchor) + anchor.length;
  const field = Buffer.concat([Buffer.from('"a":"'), Buffer.of(byte), Buffer.from('"')]);
  return Buffer.concat([bytes.subarray(0, at), field, bytes.subarray(at)]);
}

export const statements: CaseTable = [
  ['signed text that is no UTF-8', 'E_ENCODING', provenance(Buffer.of(0x7b, 0xff, 0x7d))],
  ['signed text with a byte order mark', 'E_ENCODING', provenance(`\ufeff${good}`)],
  ['signed text that is no JSON', 'E_JSON', provenance('hello world')],
  ['signed text with something after it', 'E_JSON', provenance(`${good}x`)],
  ['signed text with a key twice', 'E_JSON_DUP', inside('{"a":1,"a":1}')],
  ['signed text with a key twice, once escaped', 'E_JSON_DUP', inside('{"a":1,"\\u0061":2}')],
  ['signed text with __proto__', 'E_JSON_KEY', inside('{"__proto__":{}}')],
  ['signed text with a key called constructor', 'OK', inside('{"constructor":{}}')],
  ['signed text of depth sixteen', 'OK', inside(nested(12))],
  ['signed text of depth seventeen', 'E_JSON_DEPTH', inside(nested(13))],
  ['the largest safe integer', 'OK', inside('{"a":9007199254740991}')],
  ['the smallest safe integer', 'OK', inside('{"a":-9007199254740991}')],
  ['one above the largest safe integer', 'E_JSON_NUMBER', inside('{"a":9007199254740992}')],
  ['a number that loses digits', 'E_JSON_NUMBER', inside('{"a":9007199254740993}')],
  ['a number below the smallest', 'E_JSON_NUMBER', inside('{"a":-9007199254740992}')],
  ['a number that is infinite', 'E_JSON_NUMBER', inside('{"a":1e400}')],
  ['a fraction', 'E_JSON_NUMBER', inside('{"a":1.5}')],
  ['an integer with an exponent', 'E_NOT_CANONICAL', inside('{"a":1e2}')],
  ['an integer with a point', 'E_NOT_CANONICAL', inside('{"a":1.0}')],
  ['minus zero', 'E_NOT_CANONICAL', inside('{"a":-0}')],
  ['signed half of a surrogate pair', 'E_UNICODE', inside('{"a":"\\ud800"}')],
  ['signed half of a surrogate pair in a key', 'E_UNICODE', inside('{"\\udfff":1}')],
  ['an escaped letter', 'E_NOT_CANONICAL', inside('{"a":"\\u0061"}')],
  ['an escaped slash', 'E_NOT_CANONICAL', inside('{"a":"\\/"}')],
  ['an upper-case escape', 'E_NOT_CANONICAL', inside('{"a":"\\u001F"}')],
  ['a letter that is no ASCII where nobody reads', 'OK', inside('{"a":"é"}')],
  ['a key that JavaScript moves', 'E_NOT_CANONICAL', inside('{"b":1,"1":2}')],
  ['a space in the statement', 'E_NOT_CANONICAL', inside('{ }')],
  ['a line feed after the statement', 'E_NOT_CANONICAL', provenance(`${good}\n`)],
  [
    'a statement with its keys in another order',
    'OK',
    prov(/^\{("_type":"[^"]*"),(.*)\}$/, reorderedStatement()),
  ],
  [
    'signed text that a decoder would mend',
    'E_ENCODING',
    bundle({ provenanceBytes: (bytes) => withByte(bytes, '"internalParameters":{', 0xff) }),
  ],
  ['a predicate of another case', 'E_STATEMENT', prov('"predicate":', '"Predicate":')],
  ['a list for a statement', 'E_STATEMENT', provenance('[]')],
  ['a statement with a fifth field', 'E_STATEMENT', prov('{"_type"', '{"extra":1,"_type"')],
  ['a statement without predicate', 'E_STATEMENT', prov(/,"predicate":.*\}/, '}')],
  ['a field of another case', 'E_STATEMENT', prov('"predicateType"', '"PredicateType"')],
  ['Statement v0.1', 'E_STATEMENT_TYPE', prov('Statement/v1', 'Statement/v0.1')],
  ['Statement with a slash at the end', 'E_STATEMENT_TYPE', prov('Statement/v1', 'Statement/v1/')],
  ['a _type that is null', 'E_STATEMENT_TYPE', prov(/"_type":"[^"]*"/, '"_type":null')],
  ['no subject', 'E_SUBJECT_COUNT', prov(/"subject":\[.*?\}\}\]/, '"subject":[]')],
  ['two subjects', 'E_SUBJECT_COUNT', prov(/"subject":\[(.*?\}\})\]/, twoSubjects())],
  ['a subject that is no list', 'E_SUBJECT_COUNT', prov(/"subject":\[(.*?\}\})\]/, '"subject":{}')],
  ['a subject that is null', 'E_SUBJECT', prov(/"subject":\[(.*?\}\})\]/, '"subject":[null]')],
  ['a subject with a third field', 'E_SUBJECT', prov('{"name"', '{"uri":"x","name"')],
  ['a subject without name', 'E_SUBJECT', prov('"name":"app.tar.gz",', '')],
  ['a subject named by a number', 'E_SUBJECT', prov('"name":"app.tar.gz"', '"name":1')],
  ['a subject without digest', 'E_SUBJECT', prov(/,"digest":\{"sha256":"[0-9a-f]*"\}\}\]/, '}]')],
  ['a subject name with a line feed', 'E_UNICODE', prov('"app.tar.gz"', '"app.tar.gz\\n"')],
  ['a subject name with DEL', 'E_UNICODE', prov('"app.tar.gz"', '"app.tar.gz\u007f"')],
  ['a subject name with a look-alike', 'E_UNICODE', prov('"app.tar.gz"', '"аpp.tar.gz"')],
  [
    'an empty digest',
    'E_DIGEST_ALG',
    prov(/"digest":\{"sha256":"[0-9a-f]*"\}\}\]/, '"digest":{}}]'),
  ],
  [
    'a digest that is a text',
    'E_DIGEST_ALG',
    prov(/"digest":\{"sha256":"[0-9a-f]*"\}\}\]/, '"digest":"x"}]'),
  ],
  ['SHA-512 beside SHA-256', 'E_DIGEST_ALG', prov('{"sha256"', '{"sha512":"x","sha256"')],
  ['SHA-512 instead', 'E_DIGEST_ALG', prov('{"sha256"', '{"sha512"')],
  ['SHA256 in upper case', 'E_DIGEST_ALG', prov('{"sha256"', '{"SHA256"')],
  ['a digest that is a number', 'E_DIGEST_FORMAT', prov(/"sha256":"[0-9a-f]*"/, '"sha256":1')],
  ['a digest of 63 digits', 'E_DIGEST_FORMAT', prov(/"sha256":"[0-9a-f]/, '"sha256":"')],
  ['a digest of 65 digits', 'E_DIGEST_FORMAT', prov('"sha256":"', '"sha256":"0')],
  [
    'a digest in upper case',
    'E_DIGEST_FORMAT',
    prov(/"sha256":"[0-9a-f]{64}/, `"sha256":"${'A'.repeat(64)}`),
  ],
  [
    'a digest with a line feed',
    'E_DIGEST_FORMAT',
    prov(/("sha256":"[0-9a-f]{64})/, `"sha256":"${'a'.repeat(64)}\\n`),
  ],
  [
    'a predicateType that is a number',
    'E_STATEMENT',
    prov(/"predicateType":"[^"]*"/, '"predicateType":1'),
  ],
  [
    'a predicateType that only begins right',
    'E_PREDICATE_TYPE',
    prov('provenance/v1"', 'provenance/v1.1"'),
  ],
  [
    'a predicateType with an upper-case letter',
    'E_PREDICATE_TYPE',
    prov('"https://slsa', '"HTTPS://slsa'),
  ],
  [
    'a predicateType called constructor',
    'E_PREDICATE_TYPE',
    prov(/"predicateType":"[^"]*"/, '"predicateType":"constructor"'),
  ],
  [
    'a test result of another version',
    'E_PREDICATE_TYPE',
    testing('test-result/v0.1', 'test-result/v0.2'),
  ],
  [
    'a fourth statement of another kind',
    'E_PREDICATE_TYPE',
    raw(join([goodLine, testLine, requestLine, otherKind])),
  ],
  ['two provenances', 'E_PREDICATE_DUP', raw(join([goodLine, testLine, requestLine, goodLine]))],
  ['two test results', 'E_PREDICATE_DUP', raw(join([goodLine, testLine, testLine, requestLine]))],
  ['two requests', 'E_PREDICATE_DUP', raw(join([goodLine, testLine, requestLine, requestLine]))],
  ['no provenance', 'E_PROVENANCE_MISSING', raw(join([testLine, requestLine]))],
  ['a request alone', 'E_PROVENANCE_MISSING', raw(join([requestLine]))],
  ['a depth too much and no JSON after it', 'E_JSON_DEPTH', provenance(`${'['.repeat(17)}x`)],
  [
    'not canonical and two subjects',
    'E_NOT_CANONICAL',
    provenance(good.replace(/"subject":\[(.*?\}\})\]/, twoSubjects()).replace(',', ', ')),
  ],
  [
    'another _type and no subject',
    'E_STATEMENT_TYPE',
    provenance(
      good.replace('Statement/v1', 'Statement/v2').replace(/"subject":\[.*?\}\}\]/, '"subject":[]'),
    ),
  ],
  [
    'two digests and one of them malformed',
    'E_DIGEST_ALG',
    prov('{"sha256":"', '{"sha512":"x","sha256":"X'),
  ],
  [
    'another predicateType and no subject',
    'E_SUBJECT_COUNT',
    provenance(
      good
        .replace('provenance/v1', 'provenance/v2')
        .replace(/"subject":\[.*?\}\}\]/, '"subject":[]'),
    ),
  ],
];

function twoSubjects(): string {
  const subject = /"subject":\[(.*?\}\})\]/.exec(good)?.[1] ?? '';
  return `"subject":[${subject},${subject}]`;
}

function reorderedStatement(): string {
  const [, type = '', rest = ''] = /^\{("_type":"[^"]*"),(.*)\}$/.exec(good) ?? [];
  return `{${rest},${type}}`;
}
