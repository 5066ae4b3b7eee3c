/** The JSON twins of the pages. Fields are listed by name, so that a new column does not leave the house by itself. */
import type {
  CandidateSummary,
  JobSummary,
  PromotionSummary,
  RunDetails,
  RunSummary,
} from '../app/page-queries.ts';
import type { SecretReading, SecretSummary } from '../app/secret-ports.ts';

export function runJson(run: RunSummary) {
  return {
    id: run.id,
    number: run.number,
    ref: run.ref,
    branch: run.branch,
    pullRequest: run.pullRequest,
    event: run.event,
    commit: run.commit,
    subject: run.subject,
    author: run.authorName,
    state: run.state,
    reason: run.reason,
    createdAt: run.createdAt.toISOString(),
    startedAt: run.startedAt?.toISOString() ?? null,
    finishedAt: run.finishedAt?.toISOString() ?? null,
    mark: run.mark,
  };
}

export function runDetailsJson(run: RunDetails) {
  return {
    ...runJson(run),
    repository: run.repositoryUrl,
    warnings: run.warnings,
    jobs: run.jobs.map(jobJson),
    artifact: run.artifact,
    signing: { state: run.signing, reason: run.signingReason },
    candidate: run.candidate,
    flags: run.flags.map(({ kind, rule, text, jobId, workflow, lines }) => ({
      ...{ kind, rule, text, job: jobId, workflow, lines },
    })),
    review:
      run.review === null
        ? null
        : {
            ...{ by: run.review.by, name: run.review.name, reason: run.review.reason },
            at: run.review.at.toISOString(),
          },
  };
}

function jobJson(job: JobSummary) {
  return {
    id: job.id,
    workflow: job.title,
    state: job.state,
    outcome: job.outcome,
    reason: job.reason,
    pool: job.pool,
    runner: job.runner,
    attempt: job.attempt,
    isolation: job.isolation,
    egress: job.egress,
    startedAt: job.startedAt?.toISOString() ?? null,
    finishedAt: job.finishedAt?.toISOString() ?? null,
    steps: job.steps.map((step) => ({
      name: step.name,
      kind: step.kind,
      image: step.image,
      state: step.state,
      exitCode: step.exitCode,
      startedAt: step.startedAt?.toISOString() ?? null,
      finishedAt: step.finishedAt?.toISOString() ?? null,
    })),
  };
}

export function candidateJson(candidate: CandidateSummary) {
  return {
    id: candidate.id,
    run: candidate.runId,
    builder: candidate.builder,
    release: candidate.release,
    commit: candidate.commit,
    subject: candidate.subject,
    author: candidate.authorName,
    artifact: candidate.artifact,
    targets: candidate.targets,
    taint: candidate.taint,
    createdAt: candidate.createdAt.toISOString(),
  };
}

export function promotionJson(promotion: PromotionSummary, gateSeenAt: Date | null) {
  const { status } = promotion;
  return {
    id: promotion.id,
    candidate: promotion.candidateId,
    release: promotion.release,
    target: promotion.target,
    reason: promotion.reason,
    requester: promotion.requesterId,
    requestedAt: promotion.requestedAt.toISOString(),
    state: promotion.state,
    stateReason: promotion.stateReason,
    publishedAt: promotion.publishedAt?.toISOString() ?? null,
    gate: {
      seenAt: gateSeenAt?.toISOString() ?? null,
      status:
        status === null
          ? null
          : {
              state: status.state,
              text: status.text,
              codes: status.codes,
              promotion: status.promotion,
              page: status.page,
              at: status.at.toISOString(),
            },
    },
  };
}

/** Never a value: there is none in what is read. */
export function secretJson(secret: SecretSummary) {
  return {
    name: secret.name,
    description: secret.description,
    version: secret.version,
    setBy: secret.setBy,
    setAt: secret.setAt.toISOString(),
    erased:
      secret.erased === null ? null : { by: secret.erased.by, at: secret.erased.at.toISOString() },
    kind: secret.kind,
    filters: secret.filters,
    lastRead: secret.lastRead === null ? null : secretReadJson(secret.lastRead),
  };
}

export function secretReadJson(read: SecretReading) {
  return {
    run: read.runId,
    runNumber: read.runNumber,
    step: read.step,
    version: read.version,
    at: read.at.toISOString(),
  };
}
