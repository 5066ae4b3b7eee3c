import type { NewsChoices, NewsCursor } from '../../app/notification-ports.ts';
import { clientOf, type GateDatabase } from './client.ts';
import { asNumber } from './rows.ts';

const source = 'ledger';

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
  };
}
