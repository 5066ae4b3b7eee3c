import { providers } from '@airlock/common/webhook/provider';
import type {
  RepositoryKeeping,
  RepositoryRow,
  RepositorySettings,
  RepositoryStore,
} from '../../app/source-ports.ts';
import type { Repository } from '../../generated/prisma/client.ts';
import { sqlOf, type Database } from './client.ts';

export function createRepositoryStore(db: Database): RepositoryStore {
  return {
    list: () => list(db),

    async find(name) {
      const row = await db.repository.findUnique({ where: { name } });
      return row === null ? null : shaped(row);
    },

    async add(name, settings, person) {
      return await db.$transaction(async (tx) => {
        const taken = await tx.repository.count({ where: { url: settings.url } });
        if (taken > 0) return false;
        const { count } = await tx.repository.createMany({
          data: { name, ...columns(settings), url: settings.url, addedBy: person },
          skipDuplicates: true,
        });
        return count === 1;
      });
    },

    async change(name, settings) {
      const { count } = await db.repository.updateMany({
        where: { name, configured: false },
        data: columns(settings),
      });
      return count === 1;
    },

    async setLabels(name, labels) {
      const { count } = await db.repository.updateMany({
        where: { name },
        data: { labels: [...labels] },
      });
      return count === 1;
    },

    async nextHook(name) {
      const [row] = await db.repository.updateManyAndReturn({
        where: { name },
        data: { hookGeneration: { increment: 1 } },
      });
      return row?.hookGeneration ?? null;
    },
  };
}

export function createRepositoryKeeping(db: Database): RepositoryKeeping {
  return {
    list: () => list(db),

    async ensureConfigured(name, settings) {
      const data = { ...columns(settings), url: settings.url, configured: true };
      await db.repository.upsert({ where: { name }, create: { name, ...data }, update: data });
    },

    async looked(name, failing) {
      await db.repository.updateMany({
        where: { name },
        data: { failing, ...(failing === null ? { lookedAt: new Date() } : {}) },
      });
    },
  };
}

export const mainBranchOf =
  (db: Database) =>
  async (repository: string): Promise<string> => {
    const row = await db.repository.findUnique({
      where: { name: repository },
      select: { mainBranch: true },
    });
    return row?.mainBranch ?? 'main';
  };

async function list(db: Database): Promise<RepositoryRow[]> {
  const rows = await sqlOf(db)<Omit<Repository, 'createdAt'>>`
    select name, url, clone_url as "cloneUrl", provider, main_branch as "mainBranch",
      protected_refs as "protectedRefs", branches, build_latest as "buildLatest", hook_generation as "hookGeneration",
      configured, private, labels, added_by as "addedBy", looked_at as "lookedAt", failing
    from repository order by name`;
  return rows.map(shaped);
}

function columns(settings: Omit<RepositorySettings, 'url'>) {
  return {
    cloneUrl: settings.cloneUrl,
    provider: settings.provider,
    mainBranch: settings.mainBranch,
    protectedRefs: [...settings.protectedRefs],
    branches: [...settings.branches],
    buildLatest: settings.buildLatest,
  };
}

function shaped(row: Omit<Repository, 'createdAt'>): RepositoryRow {
  return {
    name: row.name,
    url: row.url,
    cloneUrl: row.cloneUrl,
    provider: providers.find((each) => each === row.provider) ?? null,
    mainBranch: row.mainBranch,
    protectedRefs: row.protectedRefs,
    branches: row.branches,
    buildLatest: row.buildLatest,
    hookGeneration: row.hookGeneration,
    configured: row.configured,
    isPrivate: row.private,
    labels: row.labels,
    addedBy: row.addedBy,
    lookedAt: row.lookedAt,
    failing: row.failing,
  };
}
