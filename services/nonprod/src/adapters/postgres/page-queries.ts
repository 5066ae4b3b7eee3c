import { z } from 'zod';
import { EgressReport } from '@airlock/common/wire/isolation';
import { PromotionStatus } from '@airlock/common/wire/outbox';
import type { RunPlan } from '@airlock/common/wire/run-plan';
import { titleOf, workflowOf } from '@airlock/common/workflow-name';
import type {
  CandidateSummary,
  JobSummary,
  PageQueries,
  PromotionSummary,
  RunSummary,
} from '../../app/page-queries.ts';
import type {
  Candidate,
  Job,
  PromotionRequest,
  PromotionStatus as StatusRow,
  Run,
  RunTaint,
  Step,
} from '../../generated/prisma/client.ts';
import { noRunnerText } from '../../domain/pool.ts';
import { taintText } from '../../domain/promotable.ts';
import { heardWithinSeconds } from '../../domain/runner.ts';
import { markOf, openSuspicion } from '../../domain/watch/flag.ts';
import type { Database } from './client.ts';
import { createReviewStore, suspicionOf } from './review-store.ts';
import {
  builderOf,
  eventOf,
  jobStateOf,
  outcomeOf,
  storedPlan,
  runStateOf,
  stepStateOf,
} from './row-shapes.ts';

const Signing = z.enum(['none', 'wanted', 'signed', 'refused']);
const RequestState = z.enum(['asked', 'published', 'refused']);
const Isolation = z.object({ mode: z.string(), enforced: z.array(z.string()) }).nullable();

const seen = (hidden: readonly string[]) => ({ repository: { notIn: [...hidden] } });

export function createPageQueries(db: Database): PageQueries {
  return {
    async runs(limit, { hidden, repository }) {
      // A plan may be long, and a list shows none.
      const rows = await db.run.findMany({
        where: { ...seen(hidden), ...(repository === undefined ? {} : { AND: { repository } }) },
        orderBy: { createdAt: 'desc' },
        omit: { plan: true },
        take: limit,
      });
      return await marked(db, rows);
    },

    async run(id) {
      const row = await db.run.findUnique({
        where: { id },
        include: {
          jobs: {
            orderBy: { position: 'asc' },
            include: { steps: { orderBy: { position: 'asc' } } },
          },
          artifact: true,
          candidate: true,
          repositoryRow: true,
          cancel: true,
          retryOfRow: true,
          retries: true,
        },
      });
      if (row === null) return null;
      const asked = await db.runRequest.findMany({
        where: { retryOf: id },
        orderBy: { createdAt: 'desc' },
      });
      const { artifact, candidate } = row;
      const stored = storedPlan(row.plan);
      const plan = stored.kind === 'plan' ? stored.plan : null;
      const seen = await suspicionOf(db, id);
      const [summary] = await marked(db, [row]);
      if (summary === undefined) return null;
      const queued = row.jobs.filter(({ state }) => state === 'queued').map(({ pool }) => pool);
      const unmanned = await poolsWithoutRunner(db, queued);
      return {
        ...summary,
        ...seen,
        reason: row.reason ?? (stored.kind === 'unreadable' ? stored.reason : null),
        repositoryUrl: row.repositoryRow.url,
        isMain: row.ref === `refs/heads/${row.repositoryRow.mainBranch}`,
        warnings: row.warnings,
        cancelledBy: row.cancel?.cancelledName ?? null,
        retryOf:
          row.retryOfRow === null
            ? null
            : { id: row.retryOfRow.id, number: Number(row.retryOfRow.number) },
        retries: asked.map(({ id, reason }) => {
          const retry = row.retries.find((each) => each.id === id);
          return { id, number: retry === undefined ? null : Number(retry.number), refused: reason };
        }),
        plan,
        signing: Signing.parse(row.signing),
        signingReason: row.signingReason,
        jobs: row.jobs.map((job) => jobSummary(job, plan, unmanned)),
        artifact:
          artifact === null
            ? null
            : { name: artifact.name, digest: artifact.digest, size: Number(artifact.size) },
        candidate:
          candidate === null
            ? null
            : {
                id: candidate.id,
                builder: builderOf(candidate.builder),
                release: candidate.release,
              },
      };
    },

    async jobs(id) {
      const rows = await db.job.findMany({
        where: { runId: id },
        include: { steps: { orderBy: { position: 'asc' } } },
        orderBy: { position: 'asc' },
      });
      return rows.map((job) => jobSummary(job, null, new Map()));
    },

    async candidates(limit, hidden) {
      const rows = await db.candidate.findMany({
        where: { builder: 'main', run: seen(hidden) },
        include: { run: { omit: { plan: true }, include: { taint: true } } },
        omit: { provenance: true, testResult: true },
        orderBy: { createdAt: 'desc' },
        take: limit,
      });
      return rows.map(candidateSummary);
    },

    async candidate(id) {
      const row = await db.candidate.findUnique({
        where: { id },
        include: {
          run: { include: { taint: true } },
          promotionRequests: { include: { status: true }, orderBy: { requestedAt: 'desc' } },
        },
      });
      if (row === null) return null;
      return {
        ...candidateSummary(row),
        suspicion: openSuspicion(await suspicionOf(db, row.runId)),
        ref: row.run.ref,
        provenance: row.provenance,
        testResult: row.testResult,
        requests: row.promotionRequests.map((request) =>
          promotionSummary({ ...request, candidate: row }),
        ),
      };
    },

    async lastMainRun(mainBranch, hidden) {
      const row = await db.run.findFirst({
        where: { ref: `refs/heads/${mainBranch}`, ...seen(hidden) },
        include: {
          jobs: {
            orderBy: { position: 'asc' },
            include: { steps: { orderBy: { position: 'asc' } } },
          },
        },
        orderBy: { createdAt: 'desc' },
      });
      if (row === null) return null;
      const failed = row.jobs
        .flatMap(({ steps }) => steps)
        .find((step) => ['failed', 'timed-out'].includes(step.state));
      const [summary] = await marked(db, [row]);
      if (summary === undefined) return null;
      return { ...summary, failedStep: failed?.name ?? null };
    },

    async promotions(limit, hidden) {
      const rows = await db.promotionRequest.findMany({
        where: { candidate: { run: seen(hidden) } },
        include: { candidate: { omit: { provenance: true, testResult: true } }, status: true },
        omit: { envelope: true },
        orderBy: { requestedAt: 'desc' },
        take: limit,
      });
      return rows.map(promotionSummary);
    },

    async promotion(id) {
      const row = await db.promotionRequest.findUnique({
        where: { id },
        include: { candidate: true, status: true },
      });
      return row === null ? null : promotionSummary(row);
    },

    async gateSeenAt() {
      const row = await db.gateContact.findFirst();
      return row?.seenAt ?? null;
    },
  };
}

/** Why nobody takes a job of the pool, by the pools of which that is so. */
async function poolsWithoutRunner(
  db: Database,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (names.length === 0) return new Map();
  const pools = await db.$queryRaw<{ name: string; platform: string | null; able: number }[]>`
    select pool.name, named.platform, count(runner.id)::int as able
    from pool cross join lateral (select nullif(pool.labels ->> 'platform', '*') as platform) named
      left join runner on runner.pool = pool.name and runner.state = 'active'
        and runner.last_seen_at > now() - make_interval(secs => ${heardWithinSeconds}::int)
        and (named.platform is null or runner.platform = named.platform)
        and (runner.spent_at is null
          or exists (select from job where job.runner = runner.id and job.state = 'leased'))
    where pool.name = any (${[...names]})
    group by pool.name, named.platform`;
  return new Map(
    pools.flatMap((pool): [string, string][] => {
      const text = noRunnerText(pool);
      return text === null ? [] : [[pool.name, text]];
    }),
  );
}

/** @param unmanned why nobody takes a job, by its pool. */
function jobSummary(
  job: Job & { steps: Step[] },
  plan: RunPlan | null,
  unmanned: ReadonlyMap<string, string>,
): JobSummary {
  const which = { name: job.workflow, instance: job.instance };
  const workflow = plan === null ? null : workflowOf(plan, which);
  return {
    id: job.id,
    title: workflow === null ? job.workflow : titleOf(workflow),
    state: jobStateOf(job.state),
    outcome: outcomeOf(job.outcome),
    reason: job.state === 'queued' ? (unmanned.get(job.pool) ?? job.reason) : job.reason,
    pool: job.pool,
    attempt: job.attempt,
    runner: job.runner,
    isolation: Isolation.parse(job.isolation),
    egress: EgressReport.nullable().parse(job.egress),
    lease: Number(job.lease),
    startedAt: job.startedAt,
    finishedAt: job.finishedAt,
    steps: job.steps.map((step) => ({
      name: step.name,
      kind: step.kind === 'service' ? 'service' : 'step',
      image: step.image,
      state: stepStateOf(step.state),
      exitCode: step.exitCode,
      startedAt: step.startedAt,
      finishedAt: step.finishedAt,
    })),
  };
}

async function marked(db: Database, rows: readonly Omit<Run, 'plan'>[]): Promise<RunSummary[]> {
  const marks = await createReviewStore(db).marks(rows.map(({ id }) => id));
  return rows.map((row) => {
    const mark = marks.get(row.id);
    return { ...runSummary(row), mark: mark === undefined ? null : markOf(mark) };
  });
}

function runSummary(row: Omit<Run, 'plan'>): Omit<RunSummary, 'mark'> {
  return {
    id: row.id,
    repository: row.repository,
    number: Number(row.number),
    ref: row.ref,
    branch: row.branch,
    pullRequest: row.pullRequest,
    event: eventOf(row.event),
    commit: row.commit,
    subject: row.subject,
    authorName: row.authorName,
    authorEmail: row.authorEmail,
    state: runStateOf(row.state),
    reason: row.reason,
    createdAt: row.createdAt,
    startedAt: row.startedAt,
    finishedAt: row.finishedAt,
  };
}

function candidateSummary(
  row: Omit<Candidate, 'provenance' | 'testResult'> & {
    run: Omit<Run, 'plan'> & { taint: RunTaint | null };
  },
): CandidateSummary {
  return {
    id: row.id,
    runId: row.runId,
    builder: builderOf(row.builder),
    release: row.release,
    commit: row.run.commit,
    subject: row.run.subject,
    authorName: row.run.authorName,
    artifact: {
      name: row.artifactName,
      digest: row.artifactDigest,
      size: Number(row.artifactSize),
    },
    targets: row.targets,
    createdAt: row.createdAt,
    taint: row.run.taint === null ? null : taintText(row.run.taint),
  };
}

function promotionSummary(
  row: Omit<PromotionRequest, 'envelope'> & {
    candidate: Pick<Candidate, 'release'>;
    status: StatusRow | null;
  },
): PromotionSummary {
  const { status } = row;
  return {
    id: row.id,
    candidateId: row.candidateId,
    release: row.candidate.release ?? '',
    target: row.target,
    reason: row.reason,
    requesterId: row.requesterId,
    requesterName: row.requesterName,
    requestedAt: row.requestedAt,
    state: RequestState.parse(row.state),
    stateReason: row.stateReason,
    publishedAt: row.publishedAt,
    status:
      status === null
        ? null
        : {
            state: PromotionStatus.shape.state.parse(status.state),
            text: status.text,
            codes: status.codes,
            promotion: status.promotion,
            page: status.page,
            at: status.at,
          },
  };
}
