import type { SightStore } from '../../app/sight-ports.ts';
import type { Database } from './client.ts';

export function createSightStore(db: Database): SightStore {
  return {
    async hiddenFrom({ groups, roles }) {
      if (roles.includes('platform')) return [];
      const rows = await db.repository.findMany({
        where: { private: true, groups: { none: { groupName: { in: [...groups] } } } },
        select: { name: true },
      });
      return rows.map(({ name }) => name);
    },

    async repositoryOf(id) {
      const [row] = await db.$queryRaw<{ repository: string }[]>`
        select repository from run where id = ${id}
        union all select repository from run_request where id = ${id}
        union all select repository from run join candidate on candidate.run_id = run.id
          where candidate.id = ${id}
            or candidate.id = (select candidate_id from promotion_request where id = ${id})
        limit 1`;
      return row?.repository ?? null;
    },

    async isPrivate(name) {
      return (await db.repository.count({ where: { name, private: true } })) > 0;
    },

    async setPrivate(name, wanted) {
      const row = await db.repository.findUnique({ where: { name }, include: { groups: true } });
      if (row === null) return 'not-found';
      if (wanted && row.groups.length === 0) return 'ownerless';
      await db.repository.update({ where: { name }, data: { private: wanted } });
      return 'set';
    },
  };
}
