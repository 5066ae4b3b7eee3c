import type { BuildDekStore } from '../../app/secret-ports.ts';
import { isFinished, runStates } from '../../domain/run.ts';
import type { Database } from './client.ts';
import { projectDekOf, type ProjectDekColumns } from './project-dek-store.ts';

const finished = runStates.filter(isFinished);

export function createBuildDekStore(db: Database): BuildDekStore {
  return {
    async find(run) {
      const [row] = await db.$queryRaw<
        (ProjectDekColumns & { project: string; wrapped: Uint8Array })[]
      >`
        select b.project, b.wrapped, p.id as dek_id, p.project as dek_project, p.wrapped as dek_wrapped
        from build_dek b join project_dek p on p.id = b.project_dek_id where b.run_id = ${run}`;
      if (row === undefined) return null;
      const { project, wrapped } = row;
      return { project, wrapped, projectDek: projectDekOf(row) };
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
