/** What the use cases need from outside. Each use case names the ports it gets; adapters implement them. */
import type { Readable } from 'node:stream';
import type { WitnessedTree } from '@airlock/common/ledger/witness';
import type { RunPlan } from '@airlock/common/wire/run-plan';
import type { JobReport, RunEvent, RunFacts } from '@airlock/common/wire/runner-protocol';
import type { OutboxItem, OutboxPage, PromotionStatus } from '@airlock/common/wire/outbox';
import type {
  PromotionRequestRequest,
  ProvenanceRequest,
  TestResultRequest,
} from '@airlock/common/wire/signer-protocol';
import type { Judgement, KeptArtifact, LeaseState, LeaseWord } from '../domain/job-lease.ts';
import type { TrustLevel } from '../domain/trust-level.ts';
import type { OutboxContent } from '../domain/outbox-chain.ts';
import type { PlanFiles } from '@airlock/pipeline/plan-files';
import type { WorkflowId } from '@airlock/common/workflow-name';
import type { RunTrust } from './trust-ports.ts';
import type { RunPerson } from './usage-ports.ts';
import type { Admission } from '../domain/quota.ts';

export interface RefHead {
  readonly ref: string;
  readonly commit: string;
}

export interface CommitDetails {
  readonly subject: string;
  readonly authorName: string;
  readonly authorEmail: string;
}

/** Nonprod's own mirror: every branch and pull request. */
export interface SourceMirror {
  fetch(): Promise<void>;
  heads(): Promise<readonly RefHead[]>;
  /** The commit of a full ref as last fetched, or null. */
  head(ref: string): Promise<string | null>;
  details(commit: string): Promise<CommitDetails>;
  /** What the commit's plan follows from. */
  planFiles(commit: string): Promise<PlanFiles>;
  /**
   * Paths that the commit has otherwise than where it left `against`; null when they have nothing in common, or when there are
   * more than 10,000.
   */
  changedFiles(commit: string, against: string): Promise<readonly string[] | null>;
  /** Text of a file at a commit; null when the commit has none. */
  file(commit: string, path: string): Promise<string | null>;
  /** Git's id of the file; null when the commit has none. */
  fileBlob(commit: string, path: string): Promise<string | null>;
}

export interface SourceArchive {
  /** The tree at the commit as a tar stream. */
  archive(commit: string): Readable;
  /** The commit as git hashes it, 1 MiB at most; null when there is no such commit. */
  commitObject(commit: string): Promise<Buffer | null>;
}

/** The mirror of each repository, by its name here. */
export interface SourceMirrors {
  of(repository: string): SourceMirror & SourceArchive;
}

export interface NewJob {
  readonly id: string;
  readonly workflow: WorkflowId;
  readonly pool: string;
}

export interface NewRun {
  readonly id: string;
  /** One a workflow of the plan, in its order; none while the run is held. */
  readonly jobs: readonly NewJob[];
  readonly repository: string;
  readonly ref: string;
  readonly branch: string;
  readonly pullRequest: number | null;
  readonly event: RunEvent;
  readonly commit: string;
  /** Of a tag or release. */
  readonly tag: string | null;
  /** Of a pull request, as its forge tells. */
  readonly sourceBranch: string | null;
  /** Of a timed run: the name of its schedule. */
  readonly cron: string | null;
  /** Of a deployment. */
  readonly deployTo: string | null;
  /** Answers of whoever started it by hand; public. */
  readonly variables: Readonly<Record<string, string>>;
  readonly details: CommitDetails;
  readonly state: 'queued' | 'held' | 'failed';
  readonly reason: string | null;
  readonly plan: RunPlan | null;
  /** Of the files that it follows, `file:line:column: …` each. */
  readonly warnings: readonly string[];
  readonly trust: RunTrust;
  /** The run that it makes once more. */
  readonly retryOf: string | null;
  /** Of a retry: workflows that passed, and what they rest on, are kept; of a held run none are. */
  readonly onlyFailed: boolean;
  /** Whom it is counted for; null: nobody is known. */
  readonly person: RunPerson | null;
  /** What it waits for before its jobs are in line. */
  readonly limits: Admission;
}

export interface HeadStore {
  ensureRepository(repository: { readonly name: string; readonly url: string }): Promise<void>;
  /** Commit by ref, as last acted on. */
  known(repository: string): Promise<ReadonlyMap<string, string>>;
  /**
   * Remembers the head and starts the run in one transaction; null for heads that want none. False when this head had
   * its run already, from whichever side.
   */
  advance(repository: string, head: RefHead, run: NewRun | null): Promise<boolean>;
}

export interface ClaimedJob {
  readonly jobId: string;
  readonly lease: number;
  readonly attempt: number;
  readonly runId: string;
  readonly workflow: WorkflowId;
  /** Without the address of the run's page, which is a setting. */
  readonly run: Omit<RunFacts, 'url'>;
  readonly plan: RunPlan;
  /** Of its run. */
  readonly level: TrustLevel;
}

export interface JobFacts extends LeaseState {
  readonly jobId: string;
  readonly runId: string;
  readonly workflow: WorkflowId;
  readonly pool: string;
  readonly repository: string;
  readonly commit: string;
  readonly plan: RunPlan;
  /** What was uploaded under the present lease. */
  readonly uploaded: KeptArtifact | null;
}

export interface LeaseProofOf {
  readonly jobId: string;
  readonly lease: number;
  readonly runner: string;
}

export interface JobClaim {
  readonly runner: string;
  readonly pool: string;
  readonly leaseSeconds: number;
  /** Told of each run that ended on the way, because what is kept of it cannot be read. */
  readonly onUnreadable?: (run: { readonly runId: string; readonly reason: string }) => void;
}

/** Every writer answers false or null, and writes nothing, when the lease is not the one that holds. */
export interface JobStore {
  /** The job that is next in the pool; null when none may run. */
  claim(request: JobClaim): Promise<ClaimedJob | null>;
  facts(jobId: string): Promise<JobFacts | null>;
  /** What the lease is worth; one that holds is made longer. */
  heartbeat(proof: LeaseProofOf, leaseSeconds: number): Promise<LeaseWord>;
  /** The step has begun to write. Also the question whether the lease holds, and whether the plan has such a step. */
  startStep(proof: LeaseProofOf, step: string): Promise<'started' | 'lease-lost' | 'no-such-step'>;
  recordArtifact(proof: LeaseProofOf, artifact: KeptArtifact): Promise<boolean>;
  /**
   * Ends the job, starts or skips the workflows that waited for it, and with the last one ends the run.
   *
   * @param report null: nothing of it was started.
   * @returns what was written down; null when nothing was. A job of a cancelled run was cancelled, whatever is judged.
   */
  finish(
    proof: LeaseProofOf,
    report: JobReport | null,
    judgement: Judgement,
  ): Promise<{
    readonly outcome: 'passed' | 'failed' | 'cancelled';
    readonly reason: string | null;
    readonly run: 'passed' | 'failed' | 'cancelled' | 'running';
  } | null>;
}

export interface ExpiredJob {
  readonly jobId: string;
  readonly runId: string;
  readonly runner: string | null;
  readonly outcome: 'requeued' | 'failed' | 'cancelled';
}

export interface LeaseSweeper {
  /** Takes back jobs whose lease ran out by the database's clock. */
  sweep(): Promise<readonly ExpiredJob[]>;
}

export interface RunToSign {
  readonly runId: string;
  readonly repositoryUrl: string;
  readonly ref: string;
  readonly commit: string;
  /** Null: what is kept of it cannot be read. */
  readonly plan: RunPlan | null;
  readonly artifact: KeptArtifact;
  /** What the runner signed, verbatim; null for a run from before runners signed. */
  readonly attestation: string | null;
  readonly finishedAt: Date;
}

export interface NewCandidate {
  readonly id: string;
  readonly runId: string;
  readonly builder: 'main' | 'pr';
  /** Null: nextReleaseName of `day`. Ignored for `pr`. */
  readonly version: string | null;
  readonly day: string;
  readonly artifact: KeptArtifact;
  readonly targets: readonly string[];
  readonly provenance: string;
  readonly provenancePayloadDigest: string;
  readonly testResult: string | null;
}

export interface CandidateStore {
  wanted(limit: number): Promise<readonly RunToSign[]>;
  /** The release name given; null for `pr`. 'name-taken' when the release file's version names an earlier release. */
  record(
    candidate: NewCandidate,
  ): Promise<
    { readonly recorded: true; readonly release: string | null } | { readonly recorded: false }
  >;
  refuse(runId: string, reason: string): Promise<void>;
}

export interface CandidateFacts {
  readonly id: string;
  /** Why what built it is not trusted any more; null when it is. */
  readonly taint: string | null;
  /** Why a person has to look at its build first; null when nobody has to, or somebody has. */
  readonly suspicion: string | null;
  readonly builder: 'main' | 'pr';
  readonly release: string | null;
  readonly targets: readonly string[];
}

export interface NewPromotionRequest {
  readonly id: string;
  readonly candidateId: string;
  readonly target: string;
  readonly reason: string;
  readonly requester: { readonly id: string; readonly idp: string; readonly name: string };
}

export interface PromotionRequestStore {
  candidate(id: string): Promise<CandidateFacts | null>;
  /** The id under which it is asked: an open request for the same candidate and target is not asked twice. */
  ask(request: NewPromotionRequest): Promise<{ readonly id: string; readonly created: boolean }>;
}

export interface AskedPromotion {
  readonly id: string;
  readonly target: string;
  readonly reason: string;
  readonly requester: { readonly id: string; readonly idp: string };
  readonly requestedAt: Date;
  readonly release: string;
  readonly artifact: KeptArtifact;
  readonly provenance: string;
  readonly provenancePayloadDigest: string;
  readonly testResult: string;
  /** Why what built it is not trusted any more; null when it is. */
  readonly taint: string | null;
}

export interface PublishStore {
  asked(limit: number): Promise<readonly AskedPromotion[]>;
  /** Appends to the outbox and marks the request published, in one transaction; null when it was published before. */
  publish(
    request: { readonly id: string; readonly envelope: string },
    item: OutboxContent,
  ): Promise<OutboxItem | null>;
  refuse(id: string, reason: string): Promise<void>;
}

export interface OutboxReader {
  page(after: number, limit: number): Promise<OutboxPage>;
  /** True for the digest of a bundle or an artifact that an item names. */
  names(digest: string): Promise<boolean>;
}

/** The witness's memory: of each log, the tree that it cosigned last. */
export interface WitnessStore {
  /**
   * Gives `judge` the tree cosigned last (null before the first), and keeps what it answers as `next`, all under one lock:
   * no other call for this log sees a state in between. What is returned has been persisted.
   */
  advance<Answer>(
    origin: string,
    judge: (last: WitnessedTree | null) => {
      readonly next: (WitnessedTree & { readonly note: string; readonly at: Date }) | null;
      readonly answer: Answer;
    },
  ): Promise<Answer>;
}

export interface StatusStore {
  gateSeen(): Promise<void>;
  record(reports: readonly PromotionStatus[]): Promise<void>;
}

/** Each answers one DSSE envelope as a line without its line feed. Throws SignerError. */
export interface Signer {
  provenance(request: ProvenanceRequest): Promise<string>;
  testResult(request: TestResultRequest): Promise<string>;
  promotionRequest(request: PromotionRequestRequest): Promise<string>;
}

export interface BlobStore {
  put(
    source: AsyncIterable<Uint8Array>,
    limits: { readonly maxBytes: number; readonly expected?: string },
  ): Promise<{ readonly digest: string; readonly size: number }>;
}

/** A hint that there is something to do; losing it loses nothing. */
export interface Bell {
  ring(id: string): void;
}

export type NewId = (
  prefix: 'run' | 'job' | 'cand' | 'prq' | 'sec' | 'dek' | 'rtk' | 'enr' | 'tok',
) => string;
