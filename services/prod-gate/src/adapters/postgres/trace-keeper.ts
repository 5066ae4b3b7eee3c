import type { TraceKeeper } from '../../app/trace-ports.ts';
import { buildWordsOf } from '../../domain/trace.ts';
import type { GateDatabase } from './client.ts';
import { promotionFrom } from './promotion-store.ts';
import { writeTraces } from './trace-writer.ts';

const atOnce = 100;

/** Traces of promotions that were taken in by a gate that kept none, or whose rows somebody took away. */
export function createTraceKeeper({ prisma }: GateDatabase): TraceKeeper {
  return {
    async fillMissing() {
      // Each has a commit, so that this one row stands for all.
      const missing = await prisma.$queryRaw<{ id: string }[]>`
        select id from promotion p
        where not exists (
          select from promotion_trace t where t.promotion_id = p.id and t.kind = 'commit' and t.value = p.commit
        )
        order by admitted_at desc limit ${atOnce}`;
      for (const { id } of missing) {
        const { bundle, ...row } = await prisma.promotion.findUniqueOrThrow({
          where: { id },
          omit: { document: true },
        });
        const promotion = promotionFrom(row);
        await prisma.$transaction((client) => writeTraces(client, promotion, buildWordsOf(bundle)));
      }
      return missing.length;
    },
  };
}
