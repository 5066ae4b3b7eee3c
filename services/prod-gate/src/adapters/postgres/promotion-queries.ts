import type { Approval } from '../../app/approval-ports.ts';
import type { PromotionQueries } from '../../app/query-ports.ts';
import { approvalFrom, withWithdrawal } from './approval-store.ts';
import type { GateDatabase } from './client.ts';
import { deliveryFrom } from './delivery-store.ts';
import { intakeItemFrom } from './intake-store.ts';
import { ledgerRowFrom } from './ledger-store.ts';
import { listedFrom, liveFrom, signedBytes } from './promotion-store.ts';
import { asNumber } from './rows.ts';
import { vaultSessionFrom, withCredentials } from './vault-session-store.ts';

export function createPromotionQueries(database: GateDatabase): PromotionQueries {
  const { prisma } = database;
  return {
    async promotions(filter) {
      const rows = await prisma.promotion.findMany({
        where: {
          ...(filter.states === undefined ? {} : { state: { in: [...filter.states] } }),
          ...(filter.target === undefined ? {} : { target: filter.target }),
        },
        omit: { ...signedBytes, delta: true },
        orderBy: [{ admittedAt: 'desc' }, { id: 'desc' }],
        take: filter.limit,
      });
      return rows.map(listedFrom);
    },

    async approvals(promotionIds) {
      const rows = await prisma.approval.findMany({
        where: { promotionId: { in: [...promotionIds] } },
        include: withWithdrawal,
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      });
      const byPromotion = new Map<string, Approval[]>(promotionIds.map((id) => [id, []]));
      for (const row of rows) byPromotion.get(row.promotionId)?.push(approvalFrom(row));
      return byPromotion;
    },

    async live() {
      const rows = await prisma.targetLive.findMany({ orderBy: { target: 'asc' } });
      return rows.map(liveFrom);
    },

    async deliveries(filter) {
      const rows = await prisma.delivery.findMany({
        where: filter.target === undefined ? {} : { target: filter.target },
        orderBy: [{ startedAt: 'desc' }, { id: 'desc' }],
        take: filter.limit,
      });
      return rows.map(deliveryFrom);
    },

    async leases(limit) {
      const [unclean, clean] = await Promise.all([
        prisma.vaultSession.findMany({
          where: { state: { not: 'CLEAN' } },
          include: withCredentials,
          orderBy: { createdAt: 'desc' },
          take: limit,
        }),
        prisma.vaultSession.findMany({
          where: { state: 'CLEAN' },
          include: withCredentials,
          orderBy: { createdAt: 'desc' },
          take: limit,
        }),
      ]);
      return [...unclean, ...clean].slice(0, limit).map(vaultSessionFrom);
    },

    async refused(limit) {
      const rows = await prisma.intakeItem.findMany({
        where: { outcome: 'refused' },
        orderBy: [{ receivedAt: 'desc' }, { seq: 'desc' }],
        take: limit,
      });
      return rows.map(intakeItemFrom);
    },

    async outboxes() {
      const rows = await prisma.outboxCursor.findMany({ orderBy: { source: 'asc' } });
      return rows.map((row) => ({
        source: row.source,
        seq: asNumber(row.seq),
        head: asNumber(row.head),
        polledAt: row.polledAt,
      }));
    },

    async freezes() {
      return prisma.repositoryFreeze.findMany({ orderBy: { since: 'asc' } });
    },

    async ledgerEntries(window) {
      const rows = await prisma.ledgerEntry.findMany({
        where: window.before === null ? {} : { idx: { lt: window.before } },
        orderBy: { idx: 'desc' },
        take: window.limit,
      });
      return rows.map(ledgerRowFrom);
    },
  };
}
