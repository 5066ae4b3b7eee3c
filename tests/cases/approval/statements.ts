/** The statement that a passkey signs. */
import type { CaseTable } from '../case.ts';
import { good, one, said, spelt } from './world.ts';

export const statements: CaseTable = [
  ['good', 'OK', {}],
  ['a statement in base64url', 'E_BASE64', one({ ...good, statement: `-_${good.statement}` })],
  ['a statement with a line feed', 'E_BASE64', one({ ...good, statement: `${good.statement}\n` })],
  ['an empty statement', 'E_JSON', one({ ...good, statement: '' })],
  ['a statement of another byte', 'E_ENCODING', one({ ...good, statement: '/w==' })],
  ['a statement with white space', 'E_NOT_CANONICAL', spelt(',', ', ')],
  ['a statement with an escape', 'E_NOT_CANONICAL', spelt('"prod-eu"', '"prod\\u002deu"')],
  ['a statement with a key twice', 'E_JSON_DUP', spelt('"nonce"', '"nonce":"x","nonce"')],
  [
    'a statement with a key twice, once escaped',
    'E_JSON_DUP',
    spelt('"nonce"', '"\\u006eonce":"x","nonce"'),
  ],
  ['a statement with __proto__', 'E_JSON_KEY', spelt('"nonce"', '"__proto__":"x","nonce"')],
  ['a statement with a number', 'E_JSON_NUMBER', spelt('"nonce"', '"a":1e999,"nonce"')],
  ['a statement with half a pair', 'E_UNICODE', spelt('"nonce-leo"', '"\\ud800"')],
  [
    'a statement too deep',
    'E_JSON_DEPTH',
    spelt('"nonce-leo"', `${'['.repeat(16)}${']'.repeat(16)}`),
  ],
  ['Statement v0.1', 'E_STATEMENT_TYPE', spelt('Statement/v1', 'Statement/v0.1')],
  ['a statement with a fifth field', 'E_STATEMENT', spelt('{"_type"', '{"x":1,"_type"')],
  ['no subject', 'E_SUBJECT_COUNT', spelt(/"subject":\[.*?\}\}\]/, '"subject":[]')],
  ['a subject with a third field', 'E_SUBJECT', spelt('{"name"', '{"uri":"x","name"')],
  ['a subject with two digests', 'E_DIGEST_ALG', spelt('{"sha256"', '{"sha512":"x","sha256"')],
  ['a digest in upper case', 'E_DIGEST_FORMAT', spelt('f'.repeat(64), 'F'.repeat(64))],
  ['a subject of another name', 'E_SUBJECT_NAME', spelt('"name":"promotion"', '"name":"artifact"')],
  ['an approval of another version', 'E_PREDICATE_TYPE', spelt('approval/v1', 'approval/v2')],
  [
    'a request for an approval',
    'E_PREDICATE_TYPE',
    spelt('attestation/approval', 'attestation/promotion-request'),
  ],
  ['an approval with a sixth field', 'E_APPROVAL', spelt('"decision"', '"note":"x","decision"')],
  ['an approval without nonce', 'E_APPROVAL', spelt(/"nonce":"[^"]*",/, '')],
  ['an approval that is a list', 'E_APPROVAL', spelt(/"predicate":\{.*\}\}$/, '"predicate":[]}')],
  ['a decision that is true', 'E_APPROVAL', spelt('"approve"', 'true')],
  ['an empty nonce', 'E_APPROVAL', said({ nonce: '' })],
  ['an empty target', 'E_APPROVAL', said({ target: '' })],
  ['an end with an offset', 'E_TIME_FORMAT', said({ notAfter: '2026-11-22T14:00:00+01:00' })],
  ['an end that is no day', 'E_TIME_FORMAT', said({ notAfter: '2026-11-31T00:00:00Z' })],
];
