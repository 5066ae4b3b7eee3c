import type { WrappedDek } from '@airlock/envelope/dek-cache';
import type { ProjectDekStore } from '../../app/secret-ports.ts';
import type { Database } from './client.ts';

/** A project's key as the other stores join it. */
export interface ProjectDekColumns {
  readonly dek_id: string;
  readonly dek_project: string;
  readonly dek_wrapped: string;
}

export function projectDekOf(row: ProjectDekColumns): WrappedDek {
  return { id: row.dek_id, project: row.dek_project, wrapped: row.dek_wrapped };
}

export function createProjectDekStore(db: Database): ProjectDekStore {
  return {
    active: (project) => db.projectDek.findFirst({ where: { project, isActive: true } }),

    all: () => db.projectDek.findMany({ orderBy: { id: 'asc' } }),

    async insertFirst({ id, project, wrapped }) {
      await db.projectDek.createMany({
        data: { id, project, wrapped, isActive: true },
        skipDuplicates: true,
      });
    },

    async replaceActive(from, next) {
      return await db.$transaction(async (tx) => {
        const { count } = await tx.projectDek.updateMany({
          where: { id: from, project: next.project, isActive: true },
          data: { isActive: false },
        });
        if (count === 0) return false;
        const { id, project, wrapped } = next;
        await tx.projectDek.create({ data: { id, project, wrapped, isActive: true } });
        return true;
      });
    },

    async rewrapped({ id, from, to }) {
      const { count } = await db.projectDek.updateMany({
        where: { id, wrapped: from },
        data: { wrapped: to },
      });
      return count === 1;
    },

    async deleteUnused() {
      const rows = await db.$queryRaw<{ id: string }[]>`
        delete from project_dek p where not is_active
          and not exists (select from secret_dek s where s.project_dek_id = p.id)
          and not exists (select from build_dek b where b.project_dek_id = p.id)
        returning id`;
      return rows.map(({ id }) => id);
    },
  };
}
