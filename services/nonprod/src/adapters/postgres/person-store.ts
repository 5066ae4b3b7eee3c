import type { PersonStore } from '../../app/token-ports.ts';
import type { Database } from './client.ts';

export function createPersonStore(db: Database): PersonStore {
  return {
    async signedIn({ nameId, idp, displayName, groups }) {
      const data = { idp, name: displayName, groups: [...groups], seenAt: new Date() };
      await db.person.upsert({
        where: { id: nameId },
        create: { id: nameId, ...data },
        update: data,
      });
    },
  };
}
