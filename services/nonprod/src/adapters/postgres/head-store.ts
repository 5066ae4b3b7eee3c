import type { RunPlan } from '@airlock/common/wire/run-plan';
import type { Sql } from '@airlock/database/sql';
import { workflowOf } from '@airlock/common/workflow-name';
import type { HeadStore, NewRun, RefHead } from '../../app/ports.ts';
import { inTransaction, sqlOf, type Database } from './client.ts';
import { isSame, turnsOf } from '../../domain/workflow-order.ts';
import { countBuild } from './budget-store.ts';
import { endedAs, keptJobs, type KeptJob } from './kept-jobs.ts';
import { admitRun } from './quota-store.ts';
import { advanceKnown, type KnownRun } from './run-progress.ts';

export function createHeadStore(db: Database): HeadStore {
  const sql = sqlOf(db);
  return {
    async ensureRepository({ name, url }) {
      await db.repository.upsert({
        where: { name },
        create: { name, url, cloneUrl: url },
        update: { url },
      });
    },

    async known(repository) {
      const rows =
        await sql<RefHead>`select ref, commit from git_head where repository = ${repository}`;
      return new Map(rows.map((row) => [row.ref, row.commit]));
    },

    async advance(repository, head, run) {
      return await inTransaction(db, async (tx) => {
        await rememberHead(tx, repository, head);
        return run === null ? false : await insertRun(tx, run);
      });
    },
  };
}

/** What nobody released before its branch moved on is not worth looking at any more. */
async function rememberHead(sql: Sql, repository: string, { ref, commit }: RefHead): Promise<void> {
  await sql`
    with head as (
      insert into git_head (repository, ref, commit) values (${repository}, ${ref}, ${commit})
      on conflict (repository, ref) do update set commit = excluded.commit, seen_at = now()
    )
    update run set state = 'cancelled', reason = 'A newer commit came before anybody released this one.',
      finished_at = now()
    where repository = ${repository} and ref = ${ref} and state = 'held' and commit <> ${commit}`;
}

/** False when there is one for this head and event already, or one of this id. */
export async function insertRun(sql: Sql, run: NewRun): Promise<boolean> {
  const { details, trust, limits } = run;
  // Where nothing bounds it, it is in line as it is made.
  const isAdmitted =
    run.state === 'queued' && limits.runsAtOnce === null && limits.runsAPersonAnHour === null;
  const plan = run.plan === null ? null : JSON.stringify(run.plan);
  const [made] = await sql`
    with made as (
      insert into run (id, repository, ref, branch, pull_request, event, commit, tag, source_branch, cron, deploy_to,
        variables, subject, author_name, author_email, state, reason, plan, warnings, finished_at, retry_of, person,
        person_by, admitted_at)
      values (${run.id}, ${run.repository}, ${run.ref}, ${run.branch}, ${run.pullRequest}, ${run.event}, ${run.commit},
        ${run.tag}, ${run.sourceBranch}, ${run.cron}, ${run.deployTo}, ${JSON.stringify(run.variables)}::jsonb,
        ${details.subject}, ${details.authorName}, ${details.authorEmail}, ${run.state}, ${run.reason}, ${plan}::jsonb,
        ${run.warnings}, case when ${run.state} = 'failed' then now() end, ${run.retryOf}, ${run.person?.id},
        ${run.person?.by}, case when ${isAdmitted} then now() end)
      on conflict do nothing returning id
    ), trusted as (
      insert into run_trust (run_id, level, why, files, files_commit, notes)
      select id, ${trust.level}, ${trust.why}, ${trust.files}, ${trust.filesCommit}, ${trust.notes} from made
    )
    select id from made`;
  if (made === undefined) return false;
  if (run.state === 'queued') await countBuild(sql, { ...run, person: run.person?.id ?? null });
  if (run.plan === null) return true;
  const kept = await keptJobs(sql, run);
  const known = await insertJobs(sql, { ...run, plan: run.plan }, kept, isAdmitted);
  if (isAdmitted) await advanceKnown(sql, run.id, known, null);
  else if (run.state === 'queued') await admitRun(sql, run.id, run.limits, known);
  return true;
}

/**
 * Writes the jobs of a plan.
 *
 * @param kept of the same plan: these have ended as those did, and no runner gets them.
 * @param inLine whether those that wait for no other are in line at once; false: none of them.
 */
export async function insertJobs(
  sql: Sql,
  run: Pick<NewRun, 'id' | 'repository' | 'jobs'> & { readonly plan: RunPlan },
  kept: readonly KeptJob[],
  inLine: boolean,
): Promise<KnownRun> {
  const planned = run.jobs.map((job) => {
    const from = kept.find(({ workflow }) => isSame(workflow, job.workflow));
    return { ...job, ended: from === undefined ? null : endedAs(from) };
  });
  const progress = planned.map(({ workflow, ended }) => ({
    workflow,
    outcome: ended?.outcome ?? null,
  }));
  const open = planned.filter(({ ended }) => ended === null).map(({ workflow }) => workflow);
  const turns = turnsOf(run.plan, progress, inLine ? open : []);
  const made = planned.map(({ id, workflow: which, pool, ended }, position) => {
    const workflow = workflowOf(run.plan, which);
    if (workflow === null) throw new Error(`${run.id}: its plan has no workflow ${which.name}`);
    const { concurrency, steps, services } = workflow;
    const state = turns.get(which)?.kind === 'start' ? 'queued' : 'waiting';
    return {
      job: {
        ...{ id, position, workflow: which.name, instance: which.instance, pool, state },
        ...{ outcome: null, reason: null, keptFrom: null, ...ended },
        concurrencyGroup: concurrency === null ? null : (concurrency.group ?? which.name),
        concurrencyLimit: concurrency?.limit ?? null,
      },
      steps: [
        ...steps.map((step) => ({ ...step, kind: 'step' })),
        ...services.map((service) => ({ ...service, kind: 'service' })),
      ].map(({ name, kind, image }, at) => ({
        ...{ jobId: id, position: at, name, kind, image },
        state: ended === null ? 'queued' : 'passed',
      })),
    };
  });
  await sql`
    with jobs as (
      insert into job (id, run_id, repository, position, workflow, instance, pool, state, outcome, reason, kept_from,
        concurrency_group, concurrency_limit, finished_at)
      select id, ${run.id}, ${run.repository}, position, workflow, instance, pool, state, outcome, reason, "keptFrom",
        "concurrencyGroup", "concurrencyLimit", case when state = 'finished' then now() end
      from jsonb_to_recordset(${JSON.stringify(made.map(({ job }) => job))}::jsonb) as made (id text, position int,
        workflow text, instance int, pool text, state text, outcome text, reason text, "keptFrom" text,
        "concurrencyGroup" text, "concurrencyLimit" int)
    )
    insert into step (job_id, position, name, kind, image, state)
    select "jobId", position, name, kind, image, state
    from jsonb_to_recordset(${JSON.stringify(made.flatMap(({ steps }) => steps))}::jsonb) as made ("jobId" text,
      position int, name text, kind text, image text, state text)`;
  const jobs = made.map(({ job: { id, workflow: name, instance, state, outcome, reason } }) => ({
    ...{ id, workflow: { name, instance }, waits: state === 'waiting', outcome, reason },
  }));
  return { plan: run.plan, jobs };
}
