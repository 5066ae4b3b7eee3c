import { ReturnOrder } from '@airlock/common/promotion/document';
import { StoreError } from '../../app/ports.ts';
import type { ReturnRequest, ReturnStore } from '../../app/return-ports.ts';
import type { ReturnRequest as ReturnRow } from '../../generated/prisma/client.ts';
import { clientOf, type GateDatabase } from './client.ts';
import { asId } from './rows.ts';

const listedOpen = 20;

export function createReturnStore({ prisma }: GateDatabase): ReturnStore {
  return {
    async insert(tx, { answers, delivery, ...request }) {
      await clientOf(tx).returnRequest.create({
        data: { ...request, deliveryId: delivery, answers: [...answers] },
      });
    },

    async open() {
      const rows = await prisma.returnRequest.findMany({
        where: { promotionId: null, refusal: null },
        orderBy: [{ askedAt: 'asc' }, { id: 'asc' }],
        take: listedOpen,
      });
      return rows.map(requestFrom);
    },

    async settle(tx, id, outcome) {
      const { count } = await clientOf(tx).returnRequest.updateMany({
        where: { id, promotionId: null, refusal: null },
        data:
          outcome.state === 'taken'
            ? { promotionId: outcome.promotionId }
            : { refusal: outcome.refusal },
      });
      if (count !== 1) throw new StoreError('row-changed', `return ${id} was settled before`);
    },

    async outcome(id) {
      const row = await prisma.returnRequest.findUnique({ where: { id } });
      if (row === null) return null;
      const { promotionId, refusal } = row;
      if (promotionId !== null) return { state: 'taken', promotionId };
      return refusal === null ? { state: 'asked' } : { state: 'refused', refusal };
    },
  };
}

function requestFrom({ id, answers, deliveryId, ...row }: ReturnRow): ReturnRequest {
  const { target, reason, person, askedAt } = row;
  const parsed = ReturnOrder.shape.migrations.safeParse(answers);
  return {
    ...{ id: asId('ret', id), target, reason, person, askedAt },
    ...{ delivery: deliveryId, answers: parsed.data ?? null },
  };
}
