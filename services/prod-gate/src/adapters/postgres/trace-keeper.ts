import type { TraceKeeper } from '../../app/trace-ports.ts';
import { buildWordsOf } from '../../domain/trace.ts';
import type { GateDatabase } from './client.ts';
import { promotionFrom } from './promotion-store.ts';
import { asId } from './rows.ts';
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

    async unread(limit) {
      const rows = await prisma.$queryRaw<{ id: string; repository: string; commit: string }[]>`
        select p.id, p.repository, p.commit from promotion_contents c join promotion p on p.id = c.promotion_id
        where c.state <> 'read' and c.state = 'unread'
        order by c.at desc, c.promotion_id desc limit ${limit}`;
      return rows.map((row) => ({ ...row, id: asId('prm', row.id) }));
    },

    async keepPackages(promotionId, { lockfiles, isWhole }) {
      await prisma.$transaction(
        async (client) => {
          const row = await client.promotionContents.findUniqueOrThrow({ where: { promotionId } });
          for (const { digest: lockfile, packages } of lockfiles) {
            // Releases share lockfiles: the same bytes lock the same packages.
            const isKept = await client.promotionLockfile.findFirst({ where: { lockfile } });
            if (isKept === null) {
              const data = packages.map((each) => ({ lockfile, ...each }));
              await client.lockfilePackage.createMany({ data, skipDuplicates: true });
            }
            await client.promotionLockfile.createMany({
              data: [{ promotionId, lockfile, at: row.at }],
              skipDuplicates: true,
            });
          }
          const state = isWhole ? 'read' : 'partly';
          await client.promotionContents.update({ where: { promotionId }, data: { state } });
        },
        { timeout: 60_000 },
      );
    },
  };
}
