import { BreakGlass } from '@airlock/common/promotion/break-glass';
import type { BreakGlassStore } from '../../app/break-glass-ports.ts';
import { clientOf, type GateDatabase } from './client.ts';

export function createBreakGlassStore({ prisma }: GateDatabase): BreakGlassStore {
  return {
    async of(promotionId) {
      const row = await prisma.breakGlassAct.findFirst({
        where: { promotionId },
        orderBy: { id: 'desc' },
      });
      if (row?.act !== 'ask') return null;
      const { person, justification } = row;
      return BreakGlass.safeParse({ person, justification }).data ?? null;
    },

    async ask(tx, given) {
      await clientOf(tx).breakGlassAct.create({ data: { act: 'ask', ...given } });
    },

    async withdraw(tx, given) {
      await clientOf(tx).breakGlassAct.create({
        data: { act: 'withdraw', justification: '', ...given },
      });
    },
  };
}
