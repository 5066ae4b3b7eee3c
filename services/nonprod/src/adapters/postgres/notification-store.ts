import { z } from 'zod';
import type { NotificationChoices, NotificationRules } from '../../app/notification-ports.ts';
import type { Database } from './client.ts';

const mostShown = 100;
const State = z.enum(['waiting', 'sent', 'dead']);
const unruled = { authors: true, owners: false, channels: [] };

export function createNotificationRules(db: Database): NotificationRules {
  const exists = async (name: string) => (await db.repository.count({ where: { name } })) > 0;
  return {
    async of(repository) {
      const row = await db.notificationRule.findUnique({ where: { repository } });
      if (row === null) return (await exists(repository)) ? unruled : null;
      const { authors, owners, channels } = row;
      return { authors, owners, channels };
    },

    async set(repository, { authors, owners, channels }, setBy) {
      if (!(await exists(repository))) return false;
      const data = { authors, owners, channels: [...channels], setBy, setAt: new Date() };
      await db.notificationRule.upsert({
        where: { repository },
        create: { repository, ...data },
        update: data,
      });
      return true;
    },
  };
}

export function createNotificationChoices(db: Database): NotificationChoices {
  return {
    async of(person) {
      const row = await db.notificationChoice.findUnique({ where: { person } });
      return row === null ? null : { address: row.address, mail: row.mail };
    },

    async choose(person, { address, mail }) {
      const data = { address, mail, chosenAt: new Date() };
      await db.notificationChoice.upsert({
        where: { person },
        create: { person, ...data },
        update: data,
      });
    },

    async sent(person) {
      const rows = await db.dispatch.findMany({
        where: person === null ? {} : { person },
        include: { notification: true },
        orderBy: [{ notification: { occurredAt: 'desc' } }, { channel: 'asc' }],
        take: mostShown,
      });
      return rows.map(({ notification: { title, path, occurredAt }, ...row }) => {
        const { channel, recipient, tries, error } = row;
        const state = State.parse(row.state);
        return { title, path, occurredAt, channel, recipient, state, tries, error };
      });
    },
  };
}
