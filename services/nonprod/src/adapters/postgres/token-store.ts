import type { TokenStore } from '../../app/token-ports.ts';
import type { Database } from './client.ts';

export function createTokenStore(db: Database): TokenStore {
  return {
    async insert({ id, person, name, hash, scopes, networks, days, administers }, most) {
      return await db.$transaction(async (tx) => {
        // The owner's row, so that two wishes at once are counted one after the other.
        const [owner] = await tx.$queryRaw<object[]>`
          select 1 from person where id = ${person} for update`;
        if (owner === undefined) return false;
        const [open] = await tx.$queryRaw<{ count: bigint }[]>`
          select count(*) from api_token
          where person = ${person} and revoked_at is null and expires_at > now()`;
        if (Number(open?.count ?? most) >= most) return false;
        await tx.$executeRaw`
          insert into api_token (id, person, name, hash, scopes, networks, administers, expires_at)
          values (${id}, ${person}, ${name}, ${hash}, ${[...scopes]}, ${[...networks]}, ${administers},
            now() + make_interval(days => ${days}::int))`;
        return true;
      });
    },

    async list(person) {
      return await db.apiToken.findMany({
        where: { person, expiresAt: { gt: new Date(Date.now() - 30 * 86_400_000) } },
        omit: { hash: true, person: true },
        orderBy: { createdAt: 'desc' },
        take: 200,
      });
    },

    async revoke(person, id) {
      const { count } = await db.apiToken.updateMany({
        where: { id, person, revokedAt: null },
        data: { revokedAt: new Date() },
      });
      return count === 1;
    },

    async find(hash) {
      const row = await db.apiToken.findUnique({
        where: { hash: Uint8Array.from(hash) },
        include: { owner: true },
      });
      if (row === null) return null;
      const { id, idp, name, groups, seenAt } = row.owner;
      return {
        id: row.id,
        scopes: row.scopes,
        networks: row.networks,
        administers: row.administers,
        expiresAt: row.expiresAt,
        revokedAt: row.revokedAt,
        ownerSeenAt: seenAt,
        owner: { nameId: id, idp, displayName: name, groups },
      };
    },

    async used(id) {
      await db.$executeRaw`
        update api_token set last_used_at = now()
        where id = ${id} and (last_used_at is null or last_used_at < now() - interval '1 minute')`;
    },
  };
}
