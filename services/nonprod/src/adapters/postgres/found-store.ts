import type {
  AddFound,
  FoundKeeping,
  FoundStore,
  ListingProvider,
  SourceRow,
} from '../../app/found-ports.ts';
import type { FoundRepository } from '../../domain/found-repository.ts';
import type { ForgeSource, FoundRepository as FoundRow } from '../../generated/prisma/client.ts';
import type { Database } from './client.ts';

export function createFoundStore(db: Database): FoundStore & FoundKeeping & AddFound {
  return {
    async sources() {
      const rows = await db.forgeSource.findMany({ orderBy: { name: 'asc' } });
      return rows.map(sourceOf);
    },

    async found(source) {
      const rows = await db.foundRepository.findMany({
        where: { source },
        orderBy: [{ path: 'asc' }, { forgeId: 'asc' }],
      });
      return rows.map(foundOf);
    },

    async built() {
      return await db.repository.findMany({ select: { name: true, cloneUrl: true } });
    },

    async ensureSources(sources) {
      await db.$transaction(async (tx) => {
        const names = sources.map(({ name }) => name);
        await tx.forgeSource.updateMany({
          where: { name: { notIn: names } },
          data: { configured: false },
        });
        for (const { name, provider } of sources) {
          await tx.forgeSource.upsert({
            where: { name },
            create: { name, provider, configured: true },
            update: { provider, configured: true },
          });
        }
      });
    },

    async write(source, rows) {
      await db.$transaction(
        rows.map(({ id, ...row }) => {
          const { path, pathWas, cloneUrl, mainBranch, archived, gone, repository } = row;
          const data = {
            ...{ path, pathWas, cloneUrl, mainBranch, archived, gone, private: row.isPrivate },
            // The link is made once and kept: somebody may have picked it meanwhile.
            ...(repository === null ? {} : { repository }),
          };
          return db.foundRepository.upsert({
            where: { source_forgeId: { source, forgeId: id } },
            create: { source, forgeId: id, ...data },
            update: data,
          });
        }),
      );
    },

    async looked(source, { failing, resumesAt }) {
      await db.forgeSource.updateMany({
        where: { name: source },
        data: { failing, resumesAt, ...(failing === null ? { lookedAt: new Date() } : {}) },
      });
    },

    async notAdded(source, id, why) {
      await db.foundRepository.updateMany({
        where: { source, forgeId: id },
        data: { notAdded: why.slice(0, 1000) },
      });
    },

    async add({ source, id }, { name, cloneUrl, mainBranch, isPrivate }, { owners, person }) {
      return await db.$transaction(async (tx) => {
        const taken = await tx.repository.count({
          where: { OR: [{ url: cloneUrl }, { cloneUrl }] },
        });
        if (taken > 0) return false;
        const settings = { mainBranch, provider: source.provider, private: isPrivate };
        const { count } = await tx.repository.createMany({
          data: { name, url: cloneUrl, cloneUrl, ...settings, addedBy: person },
          skipDuplicates: true,
        });
        if (count === 0) return false;
        const linked = await tx.foundRepository.updateMany({
          where: { source: source.name, forgeId: id, repository: null },
          data: { repository: name, notAdded: null },
        });
        // Nobody else is at it: their repository of that name would have been there.
        if (linked.count === 0) throw new Error(`${source.name} ${id} is built already`);
        await tx.repositoryGroup.createMany({
          data: [...new Set(owners)].map((groupName) => ({
            ...{ repository: name, groupName, grants: 'own', setBy: person },
          })),
        });
        return true;
      });
    },
  };
}

function sourceOf(row: ForgeSource): SourceRow {
  // Written by the scheduler alone, from its configuration.
  return { ...row, provider: row.provider as ListingProvider };
}

function foundOf(row: FoundRow): FoundRepository {
  return {
    ...{ id: row.forgeId, path: row.path, cloneUrl: row.cloneUrl, mainBranch: row.mainBranch },
    ...{ archived: row.archived, isPrivate: row.private, gone: row.gone },
    ...{ pathWas: row.pathWas, repository: row.repository, notAdded: row.notAdded },
  };
}
