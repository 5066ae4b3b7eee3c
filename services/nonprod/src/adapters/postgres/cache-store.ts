import { workflowOf } from '@airlock/common/workflow-name';
import type { CacheEntries } from '../../app/cache-ports.ts';
import type { LeaseProofOf } from '../../app/ports.ts';
import type { CacheUser } from '../../domain/cache.ts';
import { trustLevels, type TrustLevel } from '../../domain/trust-level.ts';
import type { Database, Transaction } from './client.ts';
import { plannedOf } from './row-shapes.ts';

interface JobColumns {
  readonly repository: string;
  readonly plan: unknown;
  readonly workflow: string;
  readonly instance: number;
  readonly level: number;
  readonly pool_trust: number;
  readonly is_post_review: boolean;
}

export function createCacheStore(db: Database): CacheEntries {
  return {
    async job(proof) {
      const row = await heldJob(db, proof);
      if (row === null) return null;
      const workflow = workflowOf(plannedOf(row.plan), {
        name: row.workflow,
        instance: row.instance,
      });
      return {
        ...userOf(row),
        repository: row.repository,
        caches: workflow?.steps.reduce((sum, { caches = [] }) => sum + caches.length, 0) ?? 0,
      };
    },

    async find(repository, key, levels) {
      const [row] = await db.$queryRaw<{ digest: string; level: number; number: bigint }[]>`
        with found as (
          select * from cache_entry
          where repository = ${repository} and key = ${key} and level = any(${[...levels]}::smallint[])
          order by array_position(${[...levels]}::integer[], level::integer) limit 1
        ), touched as (
          update cache_entry e set read_at = now() from found f
          where e.repository = f.repository and e.level = f.level and e.key = f.key
        )
        select f.digest, f.level::integer as level, r.number
        from found f join job j on j.id = f.written_by join run r on r.id = j.run_id`;
      if (row === undefined) return null;
      return { digest: row.digest, level: levelOf(row.level), run: Number(row.number) };
    },

    async written({ jobId }, { repository, level, key }) {
      const rows = await db.cacheEntry.findMany({
        where: { repository, level, OR: [{ writtenBy: jobId }, { key }] },
        select: { key: true, writtenBy: true },
      });
      return {
        keys: rows.filter(({ writtenBy }) => writtenBy === jobId).map((row) => row.key),
        isThere: rows.some((row) => row.key === key),
      };
    },

    async write(proof, { key, digest, size }, judge) {
      return await db.$transaction(async (tx) => {
        // Whoever opens a secret for the run locks the job first and marks the run then: it is seen here, or comes after.
        await tx.$queryRaw`select id from job where id = ${proof.jobId} for update`;
        await tx.$queryRaw`
          select t.run_id from run_trust t join job j on j.run_id = t.run_id
          where j.id = ${proof.jobId} for update of t`;
        const row = await heldJob(tx, proof);
        if (row === null) return 'lease-lost';
        const why = judge(userOf(row));
        if (why !== null) return { why };
        const { count } = await tx.cacheEntry.createMany({
          data: {
            ...{ repository: row.repository, level: row.level, key, digest },
            ...{ size: BigInt(size), writtenBy: proof.jobId },
          },
          skipDuplicates: true,
        });
        return { why: count === 1 ? null : 'another run was first' };
      });
    },

    async forget(digest) {
      await db.cacheEntry.deleteMany({ where: { digest } });
    },

    async retire({ readBefore, maxRepositoryBytes }) {
      const unread = await db.cacheEntry.deleteMany({ where: { readAt: { lt: readBefore } } });
      const beyond = await db.$executeRaw`
        delete from cache_entry e using (
          select repository, level, key,
            sum(size) over (partition by repository order by level desc, read_at desc, key) as bytes
          from cache_entry
        ) s
        where s.repository = e.repository and s.level = e.level and s.key = e.key
          and s.bytes > ${maxRepositoryBytes}`;
      return unread.count + beyond;
    },

    async named(digests) {
      const rows = await db.cacheEntry.findMany({
        where: { digest: { in: [...digests] } },
        select: { digest: true },
      });
      return new Set(rows.map(({ digest }) => digest));
    },
  };
}

async function heldJob(
  db: Database | Transaction,
  { jobId, lease, runner }: LeaseProofOf,
): Promise<JobColumns | null> {
  // Without a row in run_trust or pool the least trust of all.
  const [row] = await db.$queryRaw<JobColumns[]>`
    select r.repository, r.plan, j.workflow, j.instance, coalesce(t.level, 0)::integer as level,
      coalesce(p.trust, 0)::integer as pool_trust, t.post_review_at is not null as is_post_review
    from job j join run r on r.id = j.run_id
    left join pool p on p.name = j.pool
    left join run_trust t on t.run_id = r.id
    where j.id = ${jobId} and j.state = 'leased' and j.lease = ${lease} and j.runner = ${runner}
      and j.lease_expires_at > now()`;
  return row ?? null;
}

function userOf(row: JobColumns): CacheUser {
  return {
    level: levelOf(row.level),
    poolTrust: levelOf(row.pool_trust),
    isPostReview: row.is_post_review,
  };
}

const levelOf = (level: number): TrustLevel => trustLevels.find((each) => each === level) ?? 0;
