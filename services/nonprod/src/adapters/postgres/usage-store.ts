import { z } from 'zod';
import type { UsageFilter, UsageStore } from '../../app/usage-ports.ts';
import type { RepositoryUsage, Stored, UsageRow } from '../../domain/usage.ts';
import type { Database } from './client.ts';

const part = z.enum(['total', 'repository', 'person', 'pool', 'day']);
const count = z.bigint().transform(Number);
const SumRows = z.array(z.object({ part, key: z.string(), builds: count, seconds: count }));
const StoredRows = z.array(
  z.object({
    repository: z.string(),
    kind: z.enum(['artifacts', 'logs', 'caches']),
    bytes: count,
  }),
);
const nothingStored: Stored = { artifacts: 0, logs: 0, caches: 0 };

export function createUsageStore(db: Database): UsageStore {
  return {
    async sums(filter) {
      const [rows, stored, groups] = await Promise.all([
        sumRows(db, filter),
        storedBy(db, filter),
        ownersBy(db, filter),
      ]);
      const of = (wanted: z.infer<typeof part>): UsageRow[] =>
        rows
          .filter((row) => row.part === wanted)
          .map(({ key, builds, seconds }) => ({ key, builds, seconds }));
      const used = of('repository');
      const idle = filter.person === null ? [...stored.keys()] : [];
      const known = new Set(used.map(({ key }) => key));
      const repositories: RepositoryUsage[] = [
        ...used,
        ...idle.filter((key) => !known.has(key)).map((key) => ({ key, builds: 0, seconds: 0 })),
      ].map((row) => ({
        ...row,
        groups: groups.get(row.key) ?? [],
        stored: stored.get(row.key) ?? nothingStored,
      }));
      const [total] = of('total');
      return {
        total: { builds: total?.builds ?? 0, seconds: total?.seconds ?? 0 },
        repositories,
        people: of('person'),
        pools: of('pool')
          .filter(({ key }) => key !== '')
          .map((row) => ({ ...row, builds: 0 })),
        days: of('day').sort((a, b) => (a.key < b.key ? -1 : 1)),
      };
    },
  };
}

async function sumRows(
  db: Database,
  { since, until, repository, person, group, hidden }: UsageFilter,
): Promise<z.infer<typeof SumRows>> {
  return SumRows.parse(
    await db.$queryRaw`
      select case when grouping(repository) = 0 then 'repository' when grouping(person) = 0 then 'person'
          when grouping(pool) = 0 then 'pool' when grouping(day) = 0 then 'day' else 'total' end as part,
        coalesce(repository, person, pool, to_char(day, 'YYYY-MM-DD'), '') as key,
        coalesce(sum(builds), 0)::bigint as builds, coalesce(sum(seconds), 0)::bigint as seconds
      from usage_day
      where day between ${since}::date and ${until}::date
        and (${repository}::text is null or repository = ${repository})
        and (${person}::text is null or person = ${person})
        and (${group}::text is null or exists (select from repository_group owner
          where owner.repository = usage_day.repository and owner.group_name = ${group} and owner.grants = 'own'))
        and repository <> all (${[...hidden]}::text[])
      group by grouping sets ((repository), (person), (pool), (day), ())
      order by seconds desc, builds desc, key`,
  );
}

/** The same bytes of one repository lie in the store once. */
async function storedBy(
  db: Database,
  { repository, group, hidden }: UsageFilter,
): Promise<ReadonlyMap<string, Stored>> {
  const rows = StoredRows.parse(
    await db.$queryRaw`
      select repository, kind, sum(size)::bigint as bytes from (
        select distinct run.repository, 'artifacts' as kind, artifact.digest, artifact.size
        from artifact join run on run.id = artifact.run_id
        union all select repository, 'logs', id, log_bytes from job where log_bytes > 0
        union all select distinct repository, 'caches', digest, size from cache_entry
      ) kept
      where (${repository}::text is null or repository = ${repository})
        and (${group}::text is null or exists (select from repository_group owner
          where owner.repository = kept.repository and owner.group_name = ${group} and owner.grants = 'own'))
        and repository <> all (${[...hidden]}::text[])
      group by repository, kind order by repository`,
  );
  const stored = new Map<string, Stored>();
  for (const { repository: name, kind, bytes } of rows) {
    stored.set(name, { ...(stored.get(name) ?? nothingStored), [kind]: bytes });
  }
  return stored;
}

async function ownersBy(
  db: Database,
  { repository, hidden }: UsageFilter,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await db.repositoryGroup.findMany({
    where: {
      grants: 'own',
      repository: { notIn: [...hidden], ...(repository === null ? {} : { equals: repository }) },
    },
    orderBy: { groupName: 'asc' },
  });
  const owners = new Map<string, string[]>();
  for (const row of rows) {
    owners.set(row.repository, [...(owners.get(row.repository) ?? []), row.groupName]);
  }
  return owners;
}
