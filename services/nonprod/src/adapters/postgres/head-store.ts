import type { RunPlan } from '@airlock/common/wire/run-plan';
import { workflowOf } from '@airlock/common/workflow-name';
import type { HeadStore, NewRun, RefHead } from '../../app/ports.ts';
import type { Database, Transaction } from './client.ts';
import { isSame } from '../../domain/workflow-order.ts';
import { countBuild } from './budget-store.ts';
import { endedAs, keptJobs, type KeptJob } from './kept-jobs.ts';
import { admitRun } from './quota-store.ts';
import type { KnownRun } from './run-progress.ts';

export function createHeadStore(db: Database): HeadStore {
  return {
    async ensureRepository({ name, url }) {
      await db.repository.upsert({
        where: { name },
        create: { name, url, cloneUrl: url },
        update: { url },
      });
    },

    async known(repository) {
      const rows = await db.gitHead.findMany({ where: { repository } });
      return new Map(rows.map((row) => [row.ref, row.commit]));
    },

    async advance(repository, head, run) {
      return await db.$transaction(async (tx) => {
        await rememberHead(tx, repository, head);
        return run === null ? false : await insertRun(tx, run);
      });
    },
  };
}

/** What nobody released before its branch moved on is not worth looking at any more. */
async function rememberHead(
  tx: Transaction,
  repository: string,
  { ref, commit }: RefHead,
): Promise<void> {
  await tx.$executeRaw`
    with head as (
      insert into git_head (repository, ref, commit) values (${repository}, ${ref}, ${commit})
      on conflict (repository, ref) do update set commit = excluded.commit, seen_at = now()
    )
    update run set state = 'cancelled', reason = 'A newer commit came before anybody released this one.',
      finished_at = now()
    where repository = ${repository} and ref = ${ref} and state = 'held' and commit <> ${commit}`;
}

/** False when there is one for this head and event already, or one of this id. */
export async function insertRun(tx: Transaction, run: NewRun): Promise<boolean> {
  const { count } = await tx.run.createMany({
    data: {
      id: run.id,
      repository: run.repository,
      ref: run.ref,
      branch: run.branch,
      pullRequest: run.pullRequest,
      event: run.event,
      commit: run.commit,
      tag: run.tag,
      sourceBranch: run.sourceBranch,
      cron: run.cron,
      deployTo: run.deployTo,
      variables: { ...run.variables },
      subject: run.details.subject,
      authorName: run.details.authorName,
      authorEmail: run.details.authorEmail,
      state: run.state,
      reason: run.reason,
      ...(run.plan === null ? {} : { plan: run.plan }),
      warnings: [...run.warnings],
      finishedAt: run.state === 'failed' ? new Date() : null,
      retryOf: run.retryOf,
      person: run.person?.id ?? null,
      personBy: run.person?.by ?? null,
    },
    skipDuplicates: true,
  });
  if (count === 0) return false;
  await tx.runTrust.create({ data: { runId: run.id, ...trustColumns(run.trust) } });
  if (run.state === 'queued') await countBuild(tx, { ...run, person: run.person?.id ?? null });
  if (run.plan === null) return true;
  const known = await insertJobs(tx, { ...run, plan: run.plan }, await keptJobs(tx, run));
  if (run.state === 'queued') await admitRun(tx, run.id, run.limits, known);
  return true;
}

function trustColumns({ level, why, files, filesCommit, notes }: NewRun['trust']) {
  return { level, why, files, filesCommit, notes: [...notes] };
}

/**
 * Writes the jobs of a plan, none of them in line yet.
 *
 * @param kept of the same plan: these have ended as those did, and no runner gets them.
 */
export async function insertJobs(
  tx: Transaction,
  run: Pick<NewRun, 'id' | 'repository' | 'jobs'> & { readonly plan: RunPlan },
  kept: readonly KeptJob[] = [],
): Promise<KnownRun> {
  const made = run.jobs.map(({ id, workflow: which, pool }, position) => {
    const workflow = workflowOf(run.plan, which);
    if (workflow === null) throw new Error(`${run.id}: its plan has no workflow ${which.name}`);
    const from = kept.find(({ workflow: other }) => isSame(other, which));
    const ended = from === undefined ? null : endedAs(from);
    const { name, instance, concurrency } = workflow;
    const job = {
      ...{ id, runId: run.id, position, workflow: name, instance, pool },
      ...{ repository: run.repository, state: 'waiting' },
      ...ended,
      concurrencyGroup: concurrency === null ? null : (concurrency.group ?? name),
      concurrencyLimit: concurrency?.limit ?? null,
    };
    return { job, ended, workflow };
  });
  await tx.job.createMany({ data: made.map(({ job }) => job) });
  await tx.step.createMany({
    data: made.flatMap(({ job, ended, workflow: { steps, services } }) =>
      [
        ...steps.map((step) => ({ ...step, kind: 'step' })),
        ...services.map((service) => ({ ...service, kind: 'service' })),
      ].map(({ name, kind, image }, position) => ({
        ...{ jobId: job.id, position, name, kind, image },
        state: ended === null ? 'queued' : 'passed',
      })),
    ),
  });
  const jobs = made.map(({ job, ended, workflow: { name, instance } }) => ({
    id: job.id,
    workflow: { name, instance },
    waits: ended === null,
    outcome: ended === null ? null : ended.outcome,
    reason: ended?.reason ?? null,
  }));
  return { plan: run.plan, jobs };
}
