import type { PromotionRequestStore } from '../../app/ports.ts';
import { taintText } from '../../domain/promotable.ts';
import { openSuspicion } from '../../domain/watch/flag.ts';
import { endedStates } from '../../domain/promotion-status.ts';
import type { Database } from './client.ts';
import { suspicionOf } from './review-store.ts';
import { builderOf } from './row-shapes.ts';

export function createPromotionRequestStore(db: Database): PromotionRequestStore {
  return {
    async candidate(id) {
      const row = await db.candidate.findUnique({
        where: { id },
        include: { run: { include: { taint: true } } },
      });
      if (row === null) return null;
      return {
        id: row.id,
        builder: builderOf(row.builder),
        release: row.release,
        targets: row.targets,
        taint: row.run.taint === null ? null : taintText(row.run.taint),
        suspicion: openSuspicion(await suspicionOf(db, row.runId)),
      };
    },

    async ask({ id, candidateId, target, reason, requester }) {
      return await db.$transaction(async (tx) => {
        await tx.$executeRaw`select pg_advisory_xact_lock(hashtext(${`${candidateId} ${target}`}))`;
        const open = await tx.promotionRequest.findFirst({
          where: {
            candidateId,
            target,
            state: { in: ['asked', 'published'] },
            OR: [{ status: null }, { status: { state: { notIn: [...endedStates] } } }],
          },
          select: { id: true },
        });
        if (open !== null) return { id: open.id, created: false };
        await tx.promotionRequest.create({
          data: {
            id,
            candidateId,
            target,
            reason,
            requesterId: requester.id,
            requesterIdp: requester.idp,
            requesterName: requester.name,
          },
        });
        return { id, created: true };
      });
    },
  };
}
