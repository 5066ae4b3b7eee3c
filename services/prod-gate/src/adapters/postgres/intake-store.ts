import type { IntakeItem, IntakeStore } from '../../app/intake-ports.ts';
import { StoreError } from '../../app/ports.ts';
import type { IntakeItem as IntakeItemRow } from '../../generated/prisma/client.ts';
import { clientOf, type GateDatabase } from './client.ts';
import { promotionFrom, signedBytes } from './promotion-store.ts';
import { asNumber, oneOf } from './rows.ts';

const zeroHash = '0'.repeat(64);
/** As many as one status report carries. */
const reportsAtOnce = 64;

export function createIntakeStore(database: GateDatabase): IntakeStore {
  const { prisma } = database;
  return {
    async cursor(source) {
      const row = await prisma.outboxCursor.findUnique({ where: { source } });
      return row === null ? null : { seq: asNumber(row.seq), itemHash: row.itemHash };
    },

    async polled(source, poll) {
      await prisma.outboxCursor.upsert({
        where: { source },
        create: { source, seq: 0, itemHash: zeroHash, polledAt: poll.at, head: poll.head },
        update: { polledAt: poll.at, head: poll.head },
      });
    },

    async record(tx, item) {
      const client = clientOf(tx);
      const { count } = await client.outboxCursor.updateMany({
        where: { source: item.source, seq: item.seq - 1 },
        data: { seq: item.seq, itemHash: item.itemHash },
      });
      if (count !== 1) {
        throw new StoreError('row-changed', `item ${item.seq} does not follow the cursor`);
      }
      await client.intakeItem.create({ data: item });
    },

    async admittedBefore(facts) {
      const [sameBundle, standing, run] = await Promise.all([
        prisma.promotion.count({
          where: { target: facts.target, bundleDigest: facts.bundleDigest },
        }),
        prisma.promotion.findMany({
          where: {
            target: facts.target,
            state: { in: ['waiting', 'delivering', 'live', 'indeterminate'] },
            OR: [
              { envelopeDigest: facts.envelopeDigest },
              { provenanceDigest: facts.provenanceDigest },
            ],
          },
          select: { envelopeDigest: true, provenanceDigest: true },
        }),
        prisma.promotion.findFirst({
          where: { invocationId: facts.invocationId },
          select: { artifactDigest: true },
        }),
      ]);
      return {
        sameBundle: sameBundle > 0,
        envelopes: standing.map((row) => row.envelopeDigest),
        payloads: standing.map((row) => row.provenanceDigest),
        artifactOfInvocation: run?.artifactDigest ?? null,
      };
    },

    async unreported(source) {
      const due = await prisma.$queryRaw<{ seq: bigint; promotion_id: string | null }[]>`
        select i.seq, i.promotion_id from intake_item i left join promotion p on p.id = i.promotion_id
        where i.source = ${source} and i.reported_state is distinct from coalesce(p.state, 'refused')
        order by i.seq limit ${reportsAtOnce}`;
      const [items, promotions] = await Promise.all([
        prisma.intakeItem.findMany({
          where: { source, seq: { in: due.map((row) => row.seq) } },
          orderBy: { seq: 'asc' },
        }),
        prisma.promotion.findMany({
          where: { id: { in: due.flatMap((row) => row.promotion_id ?? []) } },
          omit: signedBytes,
        }),
      ]);
      const byId = new Map(promotions.map((row) => [row.id, promotionFrom(row)]));
      return items.map((row) => ({
        item: intakeItemFrom(row),
        promotion: row.promotionId === null ? null : (byId.get(row.promotionId) ?? null),
      }));
    },

    async reported(source, seq, state) {
      await prisma.intakeItem.updateMany({
        where: { source, seq },
        data: { reportedState: state },
      });
    },

    async recordHead(tx, head) {
      const { count } = await clientOf(tx).gitHead.createMany({
        data: [head],
        skipDuplicates: true,
      });
      return count === 1;
    },

    async release(tx, repository) {
      const { count } = await clientOf(tx).repositoryFreeze.deleteMany({ where: { repository } });
      return count === 1;
    },

    async freeze(tx, freeze) {
      const { count } = await clientOf(tx).repositoryFreeze.createMany({
        data: [freeze],
        skipDuplicates: true,
      });
      return count === 1;
    },
  };
}

export function intakeItemFrom(row: IntakeItemRow): IntakeItem {
  return {
    ...row,
    seq: asNumber(row.seq),
    outcome: oneOf(['admitted', 'refused'], row.outcome),
  };
}
