import { z } from 'zod';
import type { LinkStore } from '../../app/people-ports.ts';
import type { Database } from './client.ts';

const Provider = z.enum(['github', 'bitbucket']);

export function createLinkStore(db: Database): LinkStore {
  return {
    async list(person) {
      const rows = await db.linkedAccount.findMany({
        where: { person },
        orderBy: { linkedAt: 'asc' },
      });
      return rows.map(({ provider, host, account, name, linkedAt }) => ({
        ...{ provider: Provider.parse(provider), host, account, name, linkedAt },
      }));
    },

    async begin({ stateHash, person, host, verifier }, seconds) {
      await db.$transaction(async (tx) => {
        await tx.$executeRaw`
          delete from link_wish where (person = ${person} and host = ${host}) or expires_at < now()`;
        await tx.$executeRaw`
          insert into link_wish (state_hash, person, host, verifier, expires_at)
          values (${stateHash}, ${person}, ${host}, ${verifier}, now() + make_interval(secs => ${seconds}::int))`;
      });
    },

    async take(stateHash) {
      const [wish] = await db.$queryRaw<{ person: string; host: string; verifier: string }[]>`
        delete from link_wish where state_hash = ${stateHash} and expires_at > now()
        returning person, host, verifier`;
      return wish ?? null;
    },

    async link(person, { provider, host, account, name }) {
      const { count } = await db.linkedAccount.createMany({
        data: { provider, host, account, name, person },
        skipDuplicates: true,
      });
      if (count === 1) return true;
      const found = await db.linkedAccount.findUnique({
        where: { provider_host_account: { provider, host, account } },
      });
      return found?.person === person;
    },

    async unlink(person, { host, account }) {
      const { count } = await db.linkedAccount.deleteMany({ where: { person, host, account } });
      return count === 1;
    },
  };
}
