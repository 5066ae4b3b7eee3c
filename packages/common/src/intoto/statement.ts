import type { Buffer } from 'node:buffer';
import { statementType } from '../constants.ts';
import { canonicalJson, parseCanonicalJson, type JsonInput } from '../encoding/canonical-json.ts';
import { isSha256Hex } from '../encoding/hex.ts';
import { hasExactKeys, type JsonValue } from '../encoding/strict-json.ts';
import { isPrintableAscii } from '../encoding/utf8.ts';
import { AirlockError } from '../errors.ts';
import { maxStatementDepth } from '../limits.ts';

export type StatementCode =
  | 'E_STATEMENT'
  | 'E_STATEMENT_TYPE'
  | 'E_SUBJECT_COUNT'
  | 'E_SUBJECT'
  | 'E_UNICODE'
  | 'E_DIGEST_ALG'
  | 'E_DIGEST_FORMAT';

export class StatementError extends AirlockError<StatementCode> {}

export type Subject = { readonly name: string; readonly sha256: string };

/** An in-toto Statement v1 with the one subject that Airlock allows. The predicate is still to be read. */
export type Statement = {
  readonly subject: Subject;
  readonly predicateType: string;
  readonly predicate: JsonValue;
};

/**
 * Reads a Statement from bytes whose signature was verified.
 *
 * Exactly one subject with exactly one sha256 digest: with two, a verifier and a user may each look at another one.
 *
 * @throws EncodingError or StatementError.
 */
export function parseStatement(bytes: Uint8Array): Statement {
  const value = parseCanonicalJson(bytes, maxStatementDepth);
  if (!hasExactKeys(value, ['_type', 'subject', 'predicateType', 'predicate'])) {
    throw new StatementError(
      'E_STATEMENT',
      'an object of _type, subject, predicateType and predicate and nothing else expected',
    );
  }
  if (value['_type'] !== statementType) {
    throw new StatementError('E_STATEMENT_TYPE', `_type ${statementType} expected`);
  }
  const subject = parseSubjects(value['subject']);
  const predicateType = value['predicateType'];
  if (typeof predicateType !== 'string') {
    throw new StatementError('E_STATEMENT', 'predicateType is not a string');
  }
  return { subject, predicateType, predicate: value['predicate'] ?? null };
}

/** The bytes of a Statement that we make; the counterpart of `parseStatement`. */
export function statementBytes(
  subject: Subject,
  predicateType: string,
  predicate: JsonInput,
): Buffer {
  return canonicalJson({
    _type: statementType,
    subject: [{ name: subject.name, digest: { sha256: subject.sha256 } }],
    predicateType,
    predicate,
  });
}

function parseSubjects(value: JsonValue | undefined): Subject {
  const subjects = Array.isArray(value) ? value : [];
  const [subject] = subjects;
  if (subject === undefined || subjects.length !== 1) {
    throw new StatementError('E_SUBJECT_COUNT', `one subject expected, found ${subjects.length}`);
  }
  if (!hasExactKeys(subject, ['name', 'digest'])) {
    throw new StatementError('E_SUBJECT', 'a subject of name and digest and nothing else expected');
  }
  const { name, digest } = subject;
  if (typeof name !== 'string' || name === '') {
    throw new StatementError(
      'E_SUBJECT',
      'the name of the subject is not a string with characters',
    );
  }
  if (!isPrintableAscii(name)) {
    throw new StatementError('E_UNICODE', 'the name of the subject is not printable ASCII');
  }
  if (!hasExactKeys(digest, ['sha256'])) {
    throw new StatementError('E_DIGEST_ALG', 'a digest by sha256 alone expected');
  }
  const sha256 = digest['sha256'];
  if (typeof sha256 !== 'string' || !isSha256Hex(sha256)) {
    throw new StatementError('E_DIGEST_FORMAT', '64 lower-case hexadecimal digits expected');
  }
  return { name, sha256 };
}
