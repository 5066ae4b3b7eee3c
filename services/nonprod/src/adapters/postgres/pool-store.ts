import { z } from 'zod';
import type { Sql } from '@airlock/database/sql';
import type { PlacementStore, PoolRow, PoolStore } from '../../app/pool-ports.ts';
import { isolationModes, type Pool } from '../../domain/pool.ts';
import { sqlOf, type Database, type Transaction } from './client.ts';

const Images = z.array(
  z.strictObject({ glob: z.string(), digest: z.string().nullable(), plugin: z.boolean() }),
);
const Settings = z.strictObject({
  trust: z.literal([0, 1, 2, 3]),
  isolation: z.enum(isolationModes),
  once: z.boolean(),
  reuse: z.string().nullable(),
  images: Images,
  labels: z.record(z.string(), z.string()),
  everyone: z.boolean(),
  concurrency: z.int().nullable(),
  egress: z.string().nullable(),
});
const Kept = Settings.extend({
  repositories: z.array(z.string()),
  // Changes from before it was there do not say.
  reuse: z.string().nullable().default(null),
});

interface Columns {
  readonly name: string;
  readonly repositories: readonly string[];
  readonly version: number;
  readonly changed_at: Date;
}

function poolOf(row: Columns): Pool {
  const { trust, isolation, once, reuse, images, labels, everyone, concurrency, egress } =
    Settings.loose().parse(row);
  return {
    ...{ name: row.name, trust, isolation, once, reuse, images },
    ...{ labels, everyone, concurrency, egress },
    repositories: row.repositories,
  };
}

const rowOf = (row: Columns): PoolRow => ({
  pool: poolOf(row),
  version: row.version,
  changedAt: row.changed_at,
});

/** @param name null: all of them, the most trusted first. */
async function poolRows(sql: Sql, name: string | null): Promise<Columns[]> {
  return await sql<Columns>`
    select name, trust, isolation, once, reuse, images, labels, everyone, concurrency, egress, version,
      changed_at, array(
      select repository from pool_grant where pool_grant.pool = pool.name order by repository collate "C"
    ) as repositories
    from pool where ${name}::text is null or name = ${name} order by trust desc, name`;
}

export function createPoolStore(db: Database): PoolStore {
  const sql = sqlOf(db);
  return {
    list: async () => (await poolRows(sql, null)).map(rowOf),

    async find(name) {
      const [row] = await poolRows(sql, name);
      return row === undefined ? null : rowOf(row);
    },

    async changes(name) {
      const rows = await db.poolChange.findMany({
        where: { pool: name },
        orderBy: { version: 'desc' },
        take: 100,
      });
      return rows.map(({ version, changedBy, changedAt, settings }) => ({
        ...{ version, changedBy, changedAt },
        pool: { name, ...Kept.parse(settings) },
      }));
    },

    async load(name) {
      const [row] = await db.$queryRaw<{ queued: bigint; running: bigint }[]>`
        select count(*) filter (where state = 'queued') as queued,
          count(*) filter (where state = 'leased') as running
        from job where pool = ${name} and state in ('queued', 'leased')`;
      return { queued: Number(row?.queued ?? 0), running: Number(row?.running ?? 0) };
    },

    async egress(name) {
      const rows = await db.$queryRaw<{ places: string[] | null; count: number | null }[]>`
        select egress as places, egress_count as count from runner
        where pool = ${name} and state in ('active', 'draining') and last_seen_at > now() - interval '1 day'`;
      return rows.map(({ places, count }) =>
        places === null || count === null ? null : { places, count },
      );
    },

    async save(pool, expected, person) {
      return await db.$transaction(async (tx) => {
        const known = await tx.repository.findMany({
          where: { name: { in: [...pool.repositories] } },
          select: { name: true },
        });
        const names = new Set(known.map(({ name }) => name));
        const repository = pool.repositories.find((name) => !names.has(name));
        if (repository !== undefined) return { kind: 'repository-unknown', repository };
        if (!(await writeSettings(tx, pool, expected))) return { kind: 'changed' };
        const version = expected + 1;
        await tx.poolGrant.deleteMany({
          where: { pool: pool.name, repository: { notIn: [...pool.repositories] } },
        });
        await grant(tx, pool, person);
        const { name, ...settings } = pool;
        await tx.poolChange.create({
          data: { pool: name, version, changedBy: person, settings: jsonOf(settings) },
        });
        return { kind: 'saved', version };
      });
    },
  };
}

export function createPlacementStore(db: Database): PlacementStore {
  const sql = sqlOf(db);
  return {
    pools: async () => (await poolRows(sql, null)).map(poolOf),

    async begin(pools, repository) {
      await db.$transaction(async (tx) => {
        for (const pool of pools) {
          const { name } = pool;
          const { count } = await tx.pool.createMany({
            data: { name, ...columnsOf(pool) },
            skipDuplicates: true,
          });
          if (count === 0) continue;
          await grant(
            tx,
            { name, repositories: [repository] },
            'the configuration of nonprod-scheduler',
          );
        }
      });
    },
  };
}

async function grant(
  tx: Transaction,
  { name, repositories }: Pick<Pool, 'name' | 'repositories'>,
  person: string,
): Promise<void> {
  await tx.poolGrant.createMany({
    data: repositories.map((repository) => ({ pool: name, repository, grantedBy: person })),
    skipDuplicates: true,
  });
}

/** False when the version is not the expected one (any more). */
async function writeSettings(tx: Transaction, pool: Pool, expected: number): Promise<boolean> {
  const { name } = pool;
  if (expected === 0) {
    const { count } = await tx.pool.createMany({
      data: { name, ...columnsOf(pool) },
      skipDuplicates: true,
    });
    return count === 1;
  }
  const { count } = await tx.pool.updateMany({
    where: { name, version: expected },
    data: { ...columnsOf(pool), version: expected + 1, changedAt: new Date() },
  });
  return count === 1;
}

/** Prisma's JSON type wants index signatures, which settings of named fields do not have. */
function columnsOf(pool: Pool) {
  const { trust, isolation, once, reuse, everyone, concurrency, egress } = pool;
  return {
    ...{ trust, isolation, once, reuse, everyone, concurrency, egress },
    images: pool.images.map((image) => ({ ...image })),
    labels: { ...pool.labels },
  };
}

function jsonOf(settings: Omit<Pool, 'name'>) {
  return {
    ...settings,
    images: settings.images.map((image) => ({ ...image })),
    labels: { ...settings.labels },
    repositories: [...settings.repositories],
  };
}
