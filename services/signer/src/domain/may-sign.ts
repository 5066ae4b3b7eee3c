/**
 * Whether a statement may be signed: a pure decision over the request and what git says. Every reason is given, because the
 * one who asks shall mend all of it at once.
 */
import { isPrintableAscii } from '@airlock/common/encoding/utf8';
import type { CommitPlace } from '@airlock/common/verify/decide-admission';
import type {
  PromotionRequestRequest,
  ProvenanceRequest,
  TestResultRequest,
} from '@airlock/common/wire/signer-protocol';

export type RefusalCode =
  | 'repository-unknown'
  | 'ref-not-main'
  | 'ref-is-main'
  | 'commit-not-on-main'
  | 'commit-not-first-parent'
  | 'pipeline-missing'
  | 'release-missing'
  | 'times-reversed'
  | 'text-not-ascii';

export type Refusal = { code: RefusalCode; detail: string };

/** `value` is what only the decision knows: the git blob of the pipeline file. */
export type Decision<Value> =
  { allowed: true; value: Value } | { allowed: false; reasons: readonly [Refusal, ...Refusal[]] };

export const mainRef = 'refs/heads/main';

/**
 * @param facts the commit in the signer's own mirror, which holds main alone; null when it is not there. Not looked at for
 *   builder `pr`, whose commits the mirror does not have.
 */
export function maySignProvenance(
  request: ProvenanceRequest,
  repository: string,
  facts: CommitPlace | null,
): Decision<{ pipelineBlob: string }> {
  const reasons: Refusal[] = [];
  if (request.repository !== repository) {
    reasons.push({
      code: 'repository-unknown',
      detail: `this signer signs for ${repository}, asked was ${JSON.stringify(request.repository)}`,
    });
  }
  if (Date.parse(request.finishedOn) < Date.parse(request.startedOn)) {
    reasons.push({ code: 'times-reversed', detail: 'the build finished before it started' });
  }
  reasons.push(...notAscii({ ref: request.ref, invocationId: request.invocationId }));
  if (request.builder === 'pr') {
    if (request.ref === mainRef) {
      reasons.push({ code: 'ref-is-main', detail: 'builds of main are signed as builder main' });
    }
    const blob = request.claimedPipelineBlob;
    if (blob === null) reasons.push(missing('pipeline-missing', request.pipeline, request.commit));
    return decided(reasons, blob);
  }
  if (request.ref !== mainRef) {
    reasons.push({
      code: 'ref-not-main',
      detail: `builder main signs ${mainRef}, asked was ${JSON.stringify(request.ref)}`,
    });
  }
  const { commit, pipeline, release } = request;
  const placed = placeOnMain(commit, facts);
  reasons.push(...placed);
  const blob = blobAt(facts, pipeline);
  // Of a commit that is not there, missing files are no news.
  if (facts !== null && blob === null) reasons.push(missing('pipeline-missing', pipeline, commit));
  if (facts !== null && blobAt(facts, release) === null) {
    reasons.push(missing('release-missing', release, commit));
  }
  return decided(reasons, blob);
}

/** Test results are signed for main alone: the statement names the pipeline file that ran, and only main's is known here. */
export function maySignTestResult(
  request: TestResultRequest,
  facts: CommitPlace | null,
): Decision<{ pipelineBlob: string }> {
  const { commit, pipeline } = request;
  const reasons = placeOnMain(commit, facts);
  const blob = blobAt(facts, pipeline);
  if (facts !== null && blob === null) reasons.push(missing('pipeline-missing', pipeline, commit));
  return decided(reasons, blob);
}

/** A request is nonprod's word for who asked; the gate looks its provenance up by digest. Only its form is judged here. */
export function maySignPromotionRequest(request: PromotionRequestRequest): Decision<null> {
  const { target, release, requester, reason } = request;
  const [first, ...others] = notAscii({
    ...{ target, release, reason },
    'requester.id': requester.id,
    'requester.idp': requester.idp,
  });
  return first === undefined
    ? { allowed: true, value: null }
    : { allowed: false, reasons: [first, ...others] };
}

function placeOnMain(commit: string, facts: CommitPlace | null): Refusal[] {
  if (facts?.onMain !== true) {
    return [
      {
        code: 'commit-not-on-main',
        detail: `${commit} is not on ${mainRef} as the signer fetched it just now`,
      },
    ];
  }
  if (facts.firstParent) return [];
  return [
    {
      code: 'commit-not-first-parent',
      detail: `${commit} came to main inside a merge; main itself never pointed at it`,
    },
  ];
}

function blobAt(facts: CommitPlace | null, path: string): string | null {
  return facts !== null && Object.hasOwn(facts.blobs, path) ? (facts.blobs[path] ?? null) : null;
}

function missing(code: RefusalCode, path: string, commit: string): Refusal {
  return { code, detail: `there is no file ${path} at ${commit}` };
}

/** The gate refuses texts in which look-alikes or line feeds could hide; better here than after the signature. */
function notAscii(texts: Readonly<Record<string, string>>): Refusal[] {
  return Object.entries(texts)
    .filter(([, text]) => !isPrintableAscii(text))
    .map(([name]) => ({
      code: 'text-not-ascii',
      detail: `${name} has characters outside printable ASCII; write it without them`,
    }));
}

function decided(
  reasons: readonly Refusal[],
  pipelineBlob: string | null,
): Decision<{ pipelineBlob: string }> {
  const [first, ...others] = reasons;
  if (first !== undefined) return { allowed: false, reasons: [first, ...others] };
  if (pipelineBlob === null) throw new TypeError('a decision without a reason has a pipeline blob');
  return { allowed: true, value: { pipelineBlob } };
}
