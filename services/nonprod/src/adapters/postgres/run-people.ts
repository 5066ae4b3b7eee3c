import type { RunPeople } from '../../app/usage-ports.ts';
import { forgePlace } from '../../domain/commit-status.ts';
import { sqlOf, type Database } from './client.ts';

export function createRunPeople(db: Database): RunPeople {
  const sql = sqlOf(db);
  return {
    async ofAccount(name, { provider, id }) {
      const repository = await db.repository.findUnique({
        where: { name },
        select: { cloneUrl: true, provider: true },
      });
      // A number at one installation of a forge is another's at the next.
      const host = repository === null ? undefined : forgePlace(repository.cloneUrl)?.host;
      if (repository?.provider !== provider || host === undefined) return null;
      const linked = await db.linkedAccount.findUnique({
        where: { provider_host_account: { provider, host, account: id } },
      });
      return linked?.person ?? null;
    },

    async ofAddress(address) {
      const [found] = await sql<{ id: string }>`
        select id from person where lower(id) = lower(${address}) order by id limit 1`;
      return found?.id ?? null;
    },
  };
}
