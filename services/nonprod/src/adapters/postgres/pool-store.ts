import { z } from 'zod';
import type { PlacementStore, PoolRow, PoolStore } from '../../app/pool-ports.ts';
import { isolationModes, type Pool } from '../../domain/pool.ts';
import type { Database, Transaction } from './client.ts';

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
  readonly grants: readonly { readonly repository: string }[];
}

function poolOf(row: Columns): Pool {
  const { trust, isolation, once, reuse, images, labels, everyone, concurrency, egress } =
    Settings.loose().parse(row);
  return {
    ...{ name: row.name, trust, isolation, once, reuse, images },
    ...{ labels, everyone, concurrency, egress },
    repositories: row.grants.map(({ repository }) => repository).sort(),
  };
}

const withGrants = { grants: { select: { repository: true } } } as const;

async function allPools(db: Database): Promise<PoolRow[]> {
  const rows = await db.pool.findMany({
    include: withGrants,
    orderBy: [{ trust: 'desc' }, { name: 'asc' }],
  });
  return rows.map((row) => ({
    pool: poolOf(row),
    version: row.version,
    changedAt: row.changedAt,
  }));
}

export function createPoolStore(db: Database): PoolStore {
  return {
    list: () => allPools(db),

    async find(name) {
      const row = await db.pool.findUnique({ where: { name }, include: withGrants });
      if (row === null) return null;
      return { pool: poolOf(row), version: row.version, changedAt: row.changedAt };
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
  return {
    async pools() {
      return (await allPools(db)).map(({ pool }) => pool);
    },

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
