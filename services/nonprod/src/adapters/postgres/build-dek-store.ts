import type { WrappedDek } from '@airlock/envelope/dek-cache';
import type { BuildDekStore } from '../../app/secret-ports.ts';
import { isFinished, runStates } from '../../domain/run.ts';
import type { Database } from './client.ts';

const finished = runStates.filter(isFinished);

export function createBuildDekStore(db: Database): BuildDekStore {
  return {
    async find(run) {
      const row = await db.buildDek.findUnique({
        where: { runId: run },
        include: { projectDek: true },
      });
      if (row === null) return null;
      const { project, wrapped } = row;
      return { project, wrapped, projectDek: wrappedOf(row.projectDek) };
    },

    async insert({ run, project, projectDek, wrapped }) {
      // The key is held until the row stands, so that no rotation deletes it in between.
      const count = await db.$executeRaw`
        with held as (select id from project_dek where id = ${projectDek.id} and is_active for share)
        insert into build_dek (run_id, project, project_dek_id, wrapped)
        select ${run}, ${project}, id, ${Buffer.from(wrapped)} from held on conflict do nothing`;
      return count === 1;
    },

    async erase(run) {
      const { count } = await db.buildDek.deleteMany({ where: { runId: run } });
      return count === 1;
    },

    async eraseFinished() {
      const { count } = await db.buildDek.deleteMany({
        where: { run: { state: { in: finished } } },
      });
      return count;
    },
  };
}

export function wrappedOf({ id, project, wrapped }: WrappedDek): WrappedDek {
  return { id, project, wrapped };
}
