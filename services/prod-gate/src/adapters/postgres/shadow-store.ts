import { z } from 'zod';
import type { ShadowStore } from '../../app/shadow-ports.ts';
import { ShadowOutcome } from '../../domain/shadow.ts';
import type { GateDatabase } from './client.ts';

const Reasons = z.array(z.string());

export function createShadowStore(database: GateDatabase): ShadowStore {
  return {
    async note({ id, release, target }, { policyDigest, outcome, reasons }, at) {
      const key = { promotionId: id, policyDigest, outcome };
      const newest = { reasons: [...reasons], lastAt: at };
      await database.prisma.shadowDifference.upsert({
        where: { promotionId_policyDigest_outcome: key },
        create: { ...key, ...newest, release, target, firstAt: at },
        update: newest,
      });
    },
    async onTarget(target, limit) {
      const rows = await database.prisma.shadowDifference.findMany({
        where: { target },
        orderBy: [{ lastAt: 'desc' }, { promotionId: 'asc' }],
        take: limit,
      });
      return rows.map(({ outcome, reasons, ...row }) => ({
        ...row,
        outcome: ShadowOutcome.parse(outcome),
        reasons: Reasons.parse(reasons),
      }));
    },
  };
}
