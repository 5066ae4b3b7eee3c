/** The other two statements of a bundle: that the tests passed, and that somebody asked. */
import { isPrintableAscii } from '../encoding/utf8.ts';
import type { Subject } from '../intoto/statement.ts';
import { PromotionRequest } from '../intoto/promotion-request.ts';
import { TestResult } from '../intoto/test-result.ts';
import type { AdmissionPolicy } from '../policy/admission-policy.ts';
import { parseTimestamp } from '../time.ts';
import { AdmissionError } from './admission-codes.ts';
import { assertNotFuture, firstIssue, type Moments } from './check-provenance.ts';
import { requireSigners } from './check-signers.ts';
import type { SignedStatement } from './read-bundle.ts';

/**
 * A missing result is refused where the target requires one. One that is there is checked in any case: a target that
 * does not require tests still does not deliver what is known to have failed them.
 */
export function checkTestResult(
  signed: SignedStatement | null,
  built: Subject,
  policy: AdmissionPolicy,
): void {
  if (signed === null) {
    if (!policy.requireTests) return;
    throw new AdmissionError('E_TESTS_MISSING', 'the target requires a test result');
  }
  requireSigners(signed.signers, 'test', policy.builderId, 1);
  assertSameSubject(signed.statement.subject, built, 'the test result');
  const parsed = TestResult.safeParse(signed.statement.predicate);
  if (!parsed.success) throw new AdmissionError('E_TESTS', firstIssue(parsed.error));
  if (parsed.data.result !== 'PASSED') {
    throw new AdmissionError(
      'E_TESTS_FAILED',
      `PASSED expected, found ${JSON.stringify(parsed.data.result.slice(0, 40))}`,
    );
  }
}

/** The request, once it is known to be for this target and for this very provenance. */
export function checkPromotionRequest(
  signed: SignedStatement | null,
  provenance: SignedStatement,
  policy: AdmissionPolicy,
  at: Moments,
): PromotionRequest {
  if (signed === null) {
    throw new AdmissionError('E_REQUEST_MISSING', 'the bundle has no promotion request');
  }
  requireSigners(signed.signers, 'promotion', null, 1);
  const parsed = PromotionRequest.safeParse(signed.statement.predicate);
  if (!parsed.success) throw new AdmissionError('E_REQUEST', firstIssue(parsed.error));
  const request = parsed.data;
  if (request.target !== policy.target) {
    throw new AdmissionError(
      'E_TARGET',
      `target ${policy.target} expected, found ${JSON.stringify(request.target.slice(0, 63))}`,
    );
  }
  const { release, requester, reason } = request;
  if (![release, requester.id, requester.idp, reason].every(isPrintableAscii)) {
    throw new AdmissionError('E_UNICODE', 'a text of the request is not printable ASCII');
  }
  assertNotFuture(parseTimestamp(request.requestedAt), policy, at, 'the request was made');
  assertSameSubject(signed.statement.subject, provenance.statement.subject, 'the request');
  if (request.provenance !== provenance.payloadDigest) {
    throw new AdmissionError(
      'E_PROVENANCE_DIGEST',
      `the request is for provenance ${JSON.stringify(request.provenance.slice(0, 64))}, the bundle has ${provenance.payloadDigest}`,
    );
  }
  return request;
}

function assertSameSubject(found: Subject, built: Subject, what: string): void {
  if (found.name !== built.name || found.sha256 !== built.sha256) {
    throw new AdmissionError(
      'E_SUBJECT_SPLIT',
      `${what} is about sha256 ${found.sha256}, the provenance about ${built.sha256}`,
    );
  }
}
