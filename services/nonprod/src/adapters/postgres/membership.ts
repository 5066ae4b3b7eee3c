import type { Membership } from '../../app/trust-ports.ts';
import { mostIdleDays } from '../../domain/api-token.ts';
import { forgePlace } from '../../domain/commit-status.ts';
import type { Database } from './client.ts';

/**
 * Member of a repository is whoever has linked the account and was, at their last sign-in, in a group that owns it. Whoever
 * has not signed in for long may have left, and is a stranger until they do.
 */
export function createMembership(db: Database): Membership {
  return {
    async isMember(repository, { provider, id }) {
      const rows = await db.$queryRaw<{ cloneUrl: string; host: string }[]>`
        select repository.clone_url as "cloneUrl", linked.host
        from linked_account linked
        join person on person.id = linked.person
        join repository_group owner on owner.group_name = any (person.groups)
        join repository on repository.name = owner.repository
        where repository.name = ${repository} and repository.provider = ${provider}
          and owner.grants = 'own' and linked.provider = ${provider} and linked.account = ${id}
          and person.seen_at > now() - make_interval(days => ${mostIdleDays}::int)`;
      // A number at one installation of a forge is another's at the next.
      return rows.some(({ cloneUrl, host }) => forgePlace(cloneUrl)?.host === host);
    },

    async identitiesOf(person) {
      const rows = await db.linkedAccount.findMany({ where: { person } });
      return rows.map(({ provider, account }) => ({ provider, id: account }));
    },
  };
}
