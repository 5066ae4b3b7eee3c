import { Justified, waiverKinds } from '@airlock/common/promotion/waiver';
import type { WaiverStore } from '../../app/waiver-ports.ts';
import { clientOf, type GateDatabase } from './client.ts';
import { oneOf } from './rows.ts';

export function createWaiverStore({ prisma }: GateDatabase): WaiverStore {
  return {
    async of(promotionId) {
      const row = await prisma.waiverAct.findFirst({
        where: { promotionId },
        orderBy: { id: 'desc' },
      });
      if (row?.act !== 'ask') return null;
      const { person, justification } = row;
      const said = Justified.safeParse({ person, justification }).data;
      const kind = oneOf(waiverKinds, row.kind);
      return said === undefined ? null : { kind, ...said };
    },

    async ask(tx, given) {
      await clientOf(tx).waiverAct.create({ data: { act: 'ask', ...given } });
    },

    async withdraw(tx, given) {
      await clientOf(tx).waiverAct.create({
        data: { act: 'withdraw', justification: '', ...given },
      });
    },
  };
}
