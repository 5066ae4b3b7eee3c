import type { GroupStore, RepositoryGroups } from '../../app/people-ports.ts';
import type { Database } from './client.ts';

export function createGroupStore(db: Database): GroupStore {
  return {
    async groups(repository) {
      const row = await db.repository.findUnique({
        where: { name: repository },
        include: { groups: { orderBy: { groupName: 'asc' } } },
      });
      return row === null ? null : groupsOf(row.groups);
    },

    async repositoryOf(id) {
      const [row] = await db.$queryRaw<{ repository: string }[]>`
        select repository from run
        where id = ${id} or id = (select run_id from candidate where id = ${id})`;
      return row?.repository ?? null;
    },

    async set(repository, { own, launch }, setBy) {
      return await db.$transaction(async (tx) => {
        // The repository's row is not written here, so that its key is what two writers wait for.
        await tx.$queryRaw`select pg_advisory_xact_lock(hashtext('repository_group'), hashtext(${repository}))::text`;
        if ((await tx.repository.count({ where: { name: repository } })) === 0) return false;
        await tx.repositoryGroup.deleteMany({ where: { repository } });
        const row = (grants: 'own' | 'launch') => (groupName: string) => ({
          ...{ repository, groupName, grants, setBy },
        });
        const owners = new Set(own);
        const others = new Set(launch.filter((group) => !owners.has(group)));
        await tx.repositoryGroup.createMany({
          data: [...[...owners].map(row('own')), ...[...others].map(row('launch'))],
        });
        return true;
      });
    },
  };
}

function groupsOf(
  rows: readonly { readonly groupName: string; readonly grants: string }[],
): RepositoryGroups {
  const of = (wanted: string): string[] =>
    rows.filter(({ grants }) => grants === wanted).map(({ groupName }) => groupName);
  return { own: of('own'), launch: of('launch') };
}
