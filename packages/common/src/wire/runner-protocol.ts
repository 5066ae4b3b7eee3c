/**
 * What crosses between a runner and nonprod's runner API (HTTPS, TLS 1.3, mutual, the runner-edge CA).
 *
 *   POST /v1/lease                         LeaseRequest → 200 Job | 204 (nothing to do; held up to 5 s by the server)
 *   POST /v1/jobs/:jobId/heartbeat         LeaseProof → 200 HeartbeatAnswer | 409 lease-lost
 *   POST /v1/jobs/:jobId/log?lease=N&step=NAME&offset=N[&end=1]   raw bytes → 200 LogProgress | 409 lease-lost
 *   GET  /v1/jobs/:jobId/source?lease=N    → 200 application/x-tar, the tree at the job's commit
 *   PUT  /v1/jobs/:jobId/artifact?lease=N&name=NAME&sha256=HEX   raw bytes → 201 {digest, size} | 413 | 422 artifact-digest-mismatch
 *   POST /v1/jobs/:jobId/report            JobReport → 204 | 409 lease-lost
 *
 * The lease number is a fencing token: a runner whose lease was given to another gets 409 and stops.
 */
import { z } from 'zod';
import { Bait, BaitSighting, maxBaitSightings } from './bait.ts';
import { EgressReport, IsolationReport } from './isolation.ts';
import { RunPlan, type PlanService, type PlanStep } from './run-plan.ts';
import { ArtifactName, GitCommit, Name, RepositoryPath, Sha256Hex, Timestamp } from './scalars.ts';

/** A run attestation is some 2 KiB. */
export const maxAttestationLength = 32_768;

/** Of a commit of 1 MiB, which is what a mirror reads of one at most. */
const maxCommitObjectLength = 1_400_000;

export const LeaseRequest = z.strictObject({ pool: Name });
export type LeaseRequest = z.infer<typeof LeaseRequest>;

/** Woodpecker's events. */
export const RunEvent = z.enum([
  'push',
  'pull_request',
  'pull_request_closed',
  'pull_request_metadata',
  'tag',
  'release',
  'deployment',
  'cron',
  'manual',
]);
export type RunEvent = z.infer<typeof RunEvent>;

const Text = z.string().max(1024);

/** What a step may know about its run: the source of its CI_* variables. Everything here is nonprod's word. */
export const RunFacts = z.strictObject({
  number: z.number().int().positive(),
  /** Name such as shop/web. */
  repository: z.string().max(128),
  repositoryUrl: z.string().max(1024),
  ref: z.string().max(255),
  branch: z.string().max(255),
  commit: GitCommit,
  event: RunEvent,
  pullRequest: z.number().int().positive().nullable(),
  subject: z.string().max(500),
  authorName: z.string(),
  authorEmail: Text,
  /** Of the repository. */
  defaultBranch: z.string().max(255),
  createdAt: Timestamp,
  /** Of a tag or release. */
  tag: Text.nullable(),
  /** Of a pull request, as its forge tells: null where nobody told. */
  sourceBranch: Text.nullable(),
  /** Of a timed run: the name of its schedule. */
  cron: Text.nullable(),
  /** Of a deployment. */
  deployTo: Text.nullable(),
  /** The run before this one of the same ref. */
  previous: z
    .strictObject({ commit: GitCommit, number: z.number().int().positive(), state: Text })
    .nullable(),
  /** The run's page. */
  url: Text,
  /** Public by definition: variable sets and launch forms. */
  variables: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(65_536)),
});
export type RunFacts = z.infer<typeof RunFacts>;

/** A step as it is executed: one of the plan's with the variables of the run put in. */
export type JobStep = PlanStep;

/** A service of the plan with the variables of the run put in. */
export type JobService = PlanService;

export const Job = z.strictObject({
  jobId: z.string(),
  runId: z.string(),
  lease: z.number().int().positive(),
  leaseSeconds: z.number().int().positive(),
  timeoutSeconds: z.number().int().positive(),
  /** Names the run in what is signed about it. */
  invocationId: z.string().min(1).max(255),
  /** What this job does of the plan. */
  workflow: z.strictObject({ name: Name, instance: z.int().min(0) }),
  /** The file at the commit that the workflow stands in. */
  pipeline: RepositoryPath,
  run: RunFacts,
  /** The run's commit as git hashes it, base64. */
  commitObject: z.base64().max(maxCommitObjectLength),
  /** The runner makes the steps of this by itself, and signs its digest. */
  plan: RunPlan,
  /** What nonprod keeps of one artifact at most, whatever the plan allows. */
  maxArtifactBytes: z.number().int().positive(),
  /** For the environment and the home of its steps; left out, as older runners know it, where somebody vouches for the work. */
  bait: z.array(Bait).min(1).max(8).optional(),
});
export type Job = z.infer<typeof Job>;

export const LeaseProof = z.strictObject({ lease: z.number().int().positive() });
export type LeaseProof = z.infer<typeof LeaseProof>;

/**
 * `cancelled`: somebody cancelled the run. The runner ends what runs and reports; the lease is not made longer any more, and
 * what it reports counts as cancelled.
 */
export const HeartbeatAnswer = z.strictObject({ cancelled: z.boolean() });
export type HeartbeatAnswer = z.infer<typeof HeartbeatAnswer>;

/** What one piece of a step's log may hold. */
export const maxLogPieceBytes = 1024 * 1024;

/** `offset` counts the bytes of the step's masked output; up to `next` they are decided and kept, the rest has to come again. */
export const LogProgress = z.strictObject({ next: z.number().int().nonnegative() });
export type LogProgress = z.infer<typeof LogProgress>;

export const StepReport = z.strictObject({
  name: Name,
  kind: z.enum(['step', 'service']),
  outcome: z.enum(['passed', 'failed', 'skipped', 'timed-out', 'cancelled']),
  exitCode: z.number().int().nullable(),
  startedAt: Timestamp.nullable(),
  finishedAt: Timestamp.nullable(),
});
export type StepReport = z.infer<typeof StepReport>;

export const JobReport = z.strictObject({
  lease: z.number().int().positive(),
  outcome: z.enum(['passed', 'failed']),
  /** One sentence for people on what failed first; null when it passed. */
  reason: z.string().max(1000).nullable(),
  /** Services after the steps. */
  steps: z.array(StepReport).max(160),
  artifact: z
    .strictObject({ name: ArtifactName, digest: Sha256Hex, size: z.number().int().nonnegative() })
    .nullable(),
  isolation: IsolationReport,
  /** Null: the job had no way out. */
  egress: EgressReport.nullable(),
  /** Where the job's bait was seen; empty where an older runner says nothing of it. */
  baitSeen: z.array(BaitSighting).max(maxBaitSightings).default([]),
  /** The run attestation over the artifact, one DSSE envelope as a line without its LF; null when none was kept. */
  attestation: z.string().max(maxAttestationLength).nullable(),
});
export type JobReport = z.infer<typeof JobReport>;
