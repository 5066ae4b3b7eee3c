import type { NewsChoices, NewsCursor } from '../../app/notification-ports.ts';
import { clientOf, type GateDatabase } from './client.ts';
import { asNumber, oneOf } from './rows.ts';

const source = 'ledger';
const mostShown = 100;
const states = ['waiting', 'sent', 'dead'] as const;

export function createNewsCursor({ prisma }: GateDatabase): NewsCursor {
  return {
    async next() {
      const row = await prisma.notificationCursor.findUnique({ where: { source } });
      return row === null ? 0 : asNumber(row.next);
    },

    async advance(tx, next) {
      await clientOf(tx).notificationCursor.upsert({
        where: { source },
        create: { source, next },
        update: { next },
      });
    },
  };
}

export function createNewsChoices({ prisma }: GateDatabase): NewsChoices {
  return {
    async quiet() {
      const rows = await prisma.notificationChoice.findMany({ where: { mail: false } });
      return new Set(rows.map(({ person }) => person));
    },

    async choose(person, mail) {
      const data = { mail, chosenAt: new Date() };
      await prisma.notificationChoice.upsert({
        where: { person },
        create: { person, ...data },
        update: data,
      });
    },

    async sent() {
      const rows = await prisma.dispatch.findMany({
        include: { notification: true },
        orderBy: [{ notification: { occurredAt: 'desc' } }, { channel: 'asc' }],
        take: mostShown,
      });
      return rows.map(({ notification: { title, path, occurredAt }, ...row }) => {
        const { channel, person, tries, error } = row;
        const state = oneOf(states, row.state);
        return { title, path, occurredAt, channel, person, state, tries, error };
      });
    },
  };
}
