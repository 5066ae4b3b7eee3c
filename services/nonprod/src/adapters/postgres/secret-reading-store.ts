import { workflowOf } from '@airlock/common/workflow-name';
import type { ReadableSecret, SecretReadingStore } from '../../app/secret-reading-ports.ts';
import type { Database, Transaction } from './client.ts';
import { projectDekOf, type ProjectDekColumns } from './project-dek-store.ts';
import { plannedOf } from './row-shapes.ts';
import { filtersOf, kindOf, type FilterRow } from './secret-filter-row.ts';

interface JobColumns {
  readonly run_id: string;
  readonly repository: string;
  readonly plan: unknown;
  readonly workflow: string;
  readonly instance: number;
  readonly event: string;
  readonly ref: string;
  readonly branch: string;
  readonly pool: string;
  readonly pool_trust: number;
  readonly level: number;
  readonly is_released: boolean;
  readonly labels: readonly string[];
}

type SecretColumns = ProjectDekColumns &
  FilterRow & {
    readonly id: string;
    readonly project: string;
    readonly name: string;
    readonly kind: string;
    readonly version: number;
    readonly wrapped: Uint8Array;
    readonly ciphertext: Uint8Array;
  };

export function createSecretReadingStore(db: Database): SecretReadingStore {
  return {
    async job({ jobId, lease, runner }) {
      // Without a row in run_trust or pool the least trust of all.
      const [row] = await db.$queryRaw<JobColumns[]>`
        select j.run_id, r.repository, r.plan, j.workflow, j.instance, r.event, r.ref, r.branch, j.pool,
          coalesce(p.trust, 0)::integer as pool_trust, coalesce(t.level, 0)::integer as level,
          exists (select 1 from run_release e where e.run_id = r.id and e.applied_at is not null) as is_released,
          o.labels
        from job j join run r on r.id = j.run_id join repository o on o.name = r.repository
        left join pool p on p.name = j.pool
        left join run_trust t on t.run_id = r.id
        where j.id = ${jobId} and j.state = 'leased' and j.lease = ${lease} and j.runner = ${runner}
          and j.lease_expires_at > now()`;
      if (row === undefined) return null;
      const { event, ref, branch, level, workflow: name, instance } = row;
      const workflow = workflowOf(plannedOf(row.plan), { name, instance });
      if (workflow === null) throw new Error(`job ${jobId} does a workflow that its plan has not`);
      return {
        runId: row.run_id,
        project: row.repository,
        labels: row.labels,
        workflow,
        run: {
          ...{ event, ref, branch },
          isProtected: level === 3,
          isStrangers: level === 0,
          isReleased: row.is_released,
          pool: { name: row.pool, trust: row.pool_trust },
        },
      };
    },

    async named(project, names) {
      if (names.length === 0) return [];
      const rows = await db.$queryRaw<SecretColumns[]>`
        select s.id, s.project, s.name, s.kind, k.version, k.wrapped, v.ciphertext, s.events, s.refs, s.images,
          s.protected_only as "protectedOnly", s.least_trust as "leastTrust", s.approved_only as "approvedOnly",
          s.expires_at as "expiresAt", s.rotate_every_days as "rotateEveryDays", s.labels,
          p.id as dek_id, p.project as dek_project, p.wrapped as dek_wrapped
        from secret s join secret_dek k on k.secret_id = s.id
        join secret_version v on v.secret_id = k.secret_id and v.version = k.version
        join project_dek p on p.id = k.project_dek_id
        where (s.project = ${project} or cardinality(s.labels) > 0) and s.name = any(${[...names]}) and v.ciphertext is not null
        order by s.name`;
      return rows.map((row): ReadableSecret => {
        const { id, name, version, wrapped, ciphertext } = row;
        return {
          ...{ id, project: row.project, name, version, ciphertext },
          wrappedDek: wrapped,
          projectDek: projectDekOf(row),
          kind: kindOf(row.kind),
          filters: filtersOf(row),
        };
      });
    },

    async handOut({ jobId, lease, runner }, { step, publicKey, secrets }) {
      return await db.$transaction(async (tx) => {
        const [held] = await tx.$queryRaw<{ run_id: string }[]>`
          select run_id from job
          where id = ${jobId} and state = 'leased' and lease = ${lease} and runner = ${runner}
            and lease_expires_at > now() for update`;
        if (held === undefined) return 'lease-lost';
        const { count } = await tx.secretHandout.createMany({
          data: { jobId, lease, step, runner, publicKey: Buffer.from(publicKey) },
          skipDuplicates: true,
        });
        if (count === 0) return 'taken';
        await tx.secretRead.createMany({
          data: secrets.map(({ id, version }) => ({ secretId: id, jobId, lease, step, version })),
        });
        await markPostReview(tx, held.run_id, secrets);
        return 'given';
      });
    },
  };
}

/** For good: what a run makes that has seen a secret goes to nothing of a lower level. */
async function markPostReview(
  tx: Transaction,
  runId: string,
  secrets: readonly { readonly name: string }[],
): Promise<void> {
  const why = `read ${secrets.map(({ name }) => name).join(', ')}`;
  await tx.$executeRaw`
    update run_trust set post_review_at = now(), post_review_why = ${why}
    where run_id = ${runId} and post_review_at is null`;
}
