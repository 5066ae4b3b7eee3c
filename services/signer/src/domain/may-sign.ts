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
import type { AttestedRun, ReadRun } from './attested-run.ts';
import type { CommitSource } from './commit-source.ts';
import type { Refusal, RefusalCode } from './refusal.ts';

/** Every reason, or what the statement may say. */
export type Decision<Value> =
  { allowed: true; value: Value } | { allowed: false; reasons: readonly [Refusal, ...Refusal[]] };

export const mainRef = 'refs/heads/main';

/** What the signer found out by itself about a commit of main. */
export type KnownCommit = {
  /** The commit in the signer's own mirror, which holds main alone; null when it is not there. */
  readonly facts: CommitPlace | null;
  /** The tree and time that it names; null when the mirror does not have the commit. */
  readonly source: CommitSource | null;
  /** The plan that its files make; null when the mirror does not have the commit. */
  readonly plan: KnownPlan | null;
};

export type KnownPlan =
  | {
      readonly ok: true;
      readonly digest: string;
      /** Where the plan that nonprod says it gave the runner differs; empty when that is not known. */
      readonly differences: readonly string[];
    }
  | { readonly ok: false; readonly fault: string };

export type SigningRules = {
  readonly repository: string;
  /** True in the demo on a machine without a sandbox, and nowhere else. */
  readonly unisolatedRuns: boolean;
};

/** What goes into a statement about a run: the runner's facts, and the pipeline's blob as git has it. */
export type SignableRun = { readonly run: AttestedRun; readonly pipelineBlob: string };

/** @param known null for builder `pr`, whose commits the signer's mirror does not have: its plan is the runner's word. */
export function maySignProvenance(
  request: ProvenanceRequest,
  rules: SigningRules,
  attested: ReadRun,
  known: KnownCommit | null,
): Decision<SignableRun> {
  const reasons = aboutRun(request, rules, attested);
  if (request.builder === 'main') {
    return decided(
      [...reasons, ...aboutMain(request, attested, known)],
      attested,
      blobOf(request, known),
    );
  }
  if (request.ref === mainRef) {
    reasons.push({ code: 'ref-is-main', detail: 'builds of main are signed as builder main' });
  }
  const blob = request.claimedPipelineBlob;
  if (blob === null) reasons.push(missing('pipeline-missing', request.pipeline, request.commit));
  return decided(reasons, attested, blob);
}

/** Test results are signed for main alone: the statement names the pipeline file that ran, and only main's is known here. */
export function maySignTestResult(
  request: TestResultRequest,
  rules: SigningRules,
  attested: ReadRun,
  known: KnownCommit,
): Decision<SignableRun> {
  const reasons = [...aboutRun(request, rules, attested), ...aboutMain(request, attested, known)];
  return decided(reasons, attested, blobOf(request, known));
}

/** What nonprod asks to have signed must be the run that the runner attests, in every part. */
function aboutRun(request: TestResultRequest, rules: SigningRules, attested: ReadRun): Refusal[] {
  const reasons: Refusal[] = [];
  if (request.repository !== rules.repository) {
    reasons.push({
      code: 'repository-unknown',
      detail: `this signer signs for ${rules.repository}, asked was ${JSON.stringify(request.repository)}`,
    });
  }
  reasons.push(...notAscii({ ref: request.ref, invocationId: request.invocationId }));
  if (!attested.ok) return [...reasons, attested.reason];
  const { run } = attested;
  const pairs: [code: RefusalCode, what: string, asked: string, ran: string][] = [
    ['subject-differs', 'artifact name', request.subject.name, run.subject.name],
    ['subject-differs', 'artifact digest', request.subject.sha256, run.subject.sha256],
    ['repository-differs', 'repository', request.repository, run.repository],
    ['ref-differs', 'ref', request.ref, run.ref],
    ['commit-differs', 'commit', request.commit, run.commit],
    ['pipeline-differs', 'pipeline file', request.pipeline, run.pipeline],
    ['invocation-differs', 'run', request.invocationId, run.invocationId],
  ];
  for (const [code, what, asked, ran] of pairs) {
    if (asked === ran) continue;
    const detail = `asked to sign for ${what} ${JSON.stringify(asked)}, the runner attests ${JSON.stringify(ran)}`;
    reasons.push({ code, detail });
  }
  if (Date.parse(run.finishedOn) < Date.parse(run.startedOn)) {
    reasons.push({ code: 'times-reversed', detail: 'the build finished before it started' });
  }
  if (run.isolation.mode === 'none' && !rules.unisolatedRuns) {
    reasons.push({
      code: 'isolation-none',
      detail: `runner ${run.runner} built without a sandbox, so that any build there could have changed this one; set isolation: bubblewrap there`,
    });
  }
  return reasons;
}

/** What only main's own history and files say. */
function aboutMain(
  request: TestResultRequest,
  attested: ReadRun,
  known: KnownCommit | null,
): Refusal[] {
  const { ref, commit, pipeline, release } = request;
  const facts = known?.facts ?? null;
  const reasons: Refusal[] = [];
  if (ref !== mainRef) {
    reasons.push({
      code: 'ref-not-main',
      detail: `builder main signs ${mainRef}, asked was ${JSON.stringify(ref)}`,
    });
  }
  if (attested.ok) reasons.push(...aboutGiven(attested.run));
  reasons.push(...placeOnMain(commit, facts));
  // Of a commit that is not there, missing files are no news.
  if (facts === null) return reasons;
  if (attested.ok) reasons.push(...aboutSource(commit, attested.run, known?.source ?? null));
  const absent = (
    [
      ['pipeline-missing', pipeline],
      ['release-missing', release],
    ] as const
  ).filter(([, path]) => blobAt(facts, path) === null);
  if (absent.length > 0) {
    return [...reasons, ...absent.map(([code, path]) => missing(code, path, commit))];
  }
  const plan = known?.plan ?? { ok: false, fault: 'the files were not read' };
  if (!plan.ok) {
    const detail = `${pipeline} and ${release} at ${commit} make no plan: ${plan.fault}`;
    reasons.push({ code: 'plan-not-derivable', detail });
  } else if (attested.ok && attested.run.plan !== plan.digest) {
    reasons.push({
      code: 'plan-differs',
      detail: `the files at ${commit} make plan ${plan.digest}, the runner ran ${attested.run.plan}${plan.differences.length === 0 ? '' : ` (${plan.differences.join('; ')})`}`,
    });
  }
  return reasons;
}

/**
 * A plan says what runs, and not in which environment: with a variable of its choice (LD_PRELOAD for one) whoever owns
 * nonprod could put anything into what an honest runner builds from an honest commit.
 */
function aboutGiven({ given }: AttestedRun): Refusal[] {
  const { event, variables } = given;
  const reasons: Refusal[] = [];
  if (event !== 'push') {
    const detail = `the run was started by ${event}; what is released was built by the push to ${mainRef}`;
    reasons.push({ code: 'event-not-push', detail });
  }
  if (variables.length > 0) {
    const detail = `the run was given ${variables.join(', ')}, which neither its commit nor its plan says; what is released is built from those alone`;
    reasons.push({ code: 'variables-given', detail });
  }
  return reasons;
}

/** The runner was given the files by nonprod; what it was given must be what the commit names. */
function aboutSource(commit: string, run: AttestedRun, source: CommitSource | null): Refusal[] {
  const reasons: Refusal[] = [];
  if (run.source.tree !== source?.tree) {
    const detail = `${commit} names tree ${source?.tree ?? 'that cannot be read'}, the runner unpacked ${run.source.tree}: other files were built than those of the commit; find out who changed them between the mirror of nonprod and the runner`;
    reasons.push({ code: 'tree-differs', detail });
  }
  if (run.source.time !== source?.time) {
    const detail = `${commit} is of ${source?.time ?? 'a time that cannot be read'}, the files that the runner unpacked are of ${run.source.time} (seconds since 1970), which builds see`;
    reasons.push({ code: 'source-time-differs', detail });
  }
  return reasons;
}

function blobOf(
  { pipeline }: { readonly pipeline: string },
  known: KnownCommit | null,
): string | null {
  return blobAt(known?.facts ?? null, pipeline);
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
  attested: ReadRun,
  pipelineBlob: string | null,
): Decision<SignableRun> {
  const [first, ...others] = reasons;
  if (first !== undefined) return { allowed: false, reasons: [first, ...others] };
  if (!attested.ok || pipelineBlob === null) {
    throw new TypeError('a decision without a reason has an attested run and a pipeline blob');
  }
  return { allowed: true, value: { run: attested.run, pipelineBlob } };
}
