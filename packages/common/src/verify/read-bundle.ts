/**
 * A bundle, taken from bytes to statements by pinned signers, line by line: size, framing, envelope, signatures, and only
 * then what the statement says.
 */
import {
  intotoPayloadType,
  promotionRequestPredicate,
  provenancePredicate,
  testResultPredicate,
} from '../constants.ts';
import { parseEnvelope } from '../dsse/envelope.ts';
import { verifyEnvelope, type KeyJudgement } from '../dsse/verify.ts';
import { sha256Hex } from '../encoding/hex.ts';
import { parseStatement, type Statement } from '../intoto/statement.ts';
import { maxBundleBytes, maxEnvelopes } from '../limits.ts';
import type { PinnedSigner, TrustStore } from '../trust/signer.ts';
import { AdmissionError } from './admission-codes.ts';

/** A statement with the signers who vouch for it and the digests by which it is recorded. */
export type SignedStatement = {
  readonly statement: Statement;
  readonly signers: readonly [PinnedSigner, ...PinnedSigner[]];
  /** SHA-256 of the payload's bytes. */
  readonly payloadDigest: string;
  /** SHA-256 of the envelope's line without its LF. */
  readonly envelopeDigest: string;
};

/** At most one statement of each known kind; null where the bundle has none. */
export type BundleStatements = {
  readonly provenance: SignedStatement | null;
  readonly testResult: SignedStatement | null;
  readonly promotionRequest: SignedStatement | null;
};

const knownPredicates: ReadonlySet<string> = new Set([
  provenancePredicate,
  testResultPredicate,
  promotionRequestPredicate,
]);

/** @throws AdmissionError, EncodingError, DsseError or StatementError at the first fault. */
export function readBundle(
  bundle: Uint8Array,
  trust: TrustStore,
  at: KeyJudgement,
): BundleStatements {
  const statements = new Map<string, SignedStatement>();
  for (const line of splitLines(bundle)) {
    const signed = readStatement(line, trust, at);
    const { predicateType } = signed.statement;
    if (!knownPredicates.has(predicateType)) {
      throw new AdmissionError(
        'E_PREDICATE_TYPE',
        `predicateType ${JSON.stringify(predicateType.slice(0, 200))} is not one that the gate knows`,
      );
    }
    // With two provenances, which one is the build? Nothing that the sender may choose.
    if (statements.has(predicateType)) {
      throw new AdmissionError('E_PREDICATE_DUP', `two statements of type ${predicateType}`);
    }
    statements.set(predicateType, signed);
  }
  return {
    provenance: statements.get(provenancePredicate) ?? null,
    testResult: statements.get(testResultPredicate) ?? null,
    promotionRequest: statements.get(promotionRequestPredicate) ?? null,
  };
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

function splitLines(bundle: Uint8Array): Uint8Array[] {
  if (bundle.length > maxBundleBytes) {
    throw new AdmissionError(
      'E_BUNDLE_SIZE',
      `at most ${maxBundleBytes} bytes expected, found ${bundle.length}`,
    );
  }
  if (bundle.at(-1) !== lineFeed) {
    throw new AdmissionError(
      'E_BUNDLE',
      'the bundle does not end in a line feed: empty or cut off',
    );
  }
  if (bundle.includes(carriageReturn)) {
    throw new AdmissionError('E_BUNDLE', 'a carriage return in the bundle; lines end in LF alone');
  }
  const lines: Uint8Array[] = [];
  for (let start = 0; start < bundle.length;) {
    const end = bundle.indexOf(lineFeed, start);
    if (end === start) throw new AdmissionError('E_BUNDLE', 'an empty line in the bundle');
    lines.push(bundle.subarray(start, end));
    if (lines.length > maxEnvelopes) {
      throw new AdmissionError('E_BUNDLE', `more than ${maxEnvelopes} envelopes in the bundle`);
    }
    start = end + 1;
  }
  return lines;
}

/**
 * One envelope by pinned signers, a line without its LF.
 *
 * @throws AdmissionError, EncodingError, DsseError or StatementError at the first fault.
 */
export function readStatement(
  line: Uint8Array,
  trust: TrustStore,
  at: KeyJudgement,
): SignedStatement {
  const envelope = parseEnvelope(line, intotoPayloadType);
  const { payload, signers } = verifyEnvelope(envelope, trust, at);
  return {
    statement: parseStatement(payload),
    signers,
    payloadDigest: sha256Hex(payload),
    envelopeDigest: sha256Hex(line),
  };
}
