import type { PublishStore } from '../../app/ports.ts';
import { nextOutboxItem } from '../../domain/outbox-chain.ts';
import { taintText } from '../../domain/promotable.ts';
import type { Database } from './client.ts';

export function createPublishStore(db: Database): PublishStore {
  return {
    async asked(limit) {
      const rows = await db.promotionRequest.findMany({
        where: { state: 'asked' },
        include: { candidate: { include: { run: { include: { taint: true } } } } },
        orderBy: { requestedAt: 'asc' },
        take: limit,
      });
      return rows.flatMap((row) => {
        const { candidate } = row;
        if (candidate.release === null || candidate.testResult === null) return [];
        return [
          {
            id: row.id,
            target: row.target,
            reason: row.reason,
            requester: { id: row.requesterId, idp: row.requesterIdp },
            requestedAt: row.requestedAt,
            release: candidate.release,
            artifact: {
              name: candidate.artifactName,
              digest: candidate.artifactDigest,
              size: Number(candidate.artifactSize),
            },
            provenance: candidate.provenance,
            provenancePayloadDigest: candidate.provenancePayloadDigest,
            testResult: candidate.testResult,
            taint: candidate.run.taint === null ? null : taintText(candidate.run.taint),
          },
        ];
      });
    },

    async publish({ id, envelope }, content) {
      return await db.$transaction(async (tx) => {
        const { count } = await tx.promotionRequest.updateMany({
          where: { id, state: 'asked' },
          data: {
            state: 'published',
            envelope,
            bundleDigest: content.bundle.digest,
            bundleSize: content.bundle.size,
            publishedAt: new Date(),
          },
        });
        if (count === 0) return null;
        // The row lock makes writers queue here, so that seq has no gap and no hash has two successors.
        const [tip] = await tx.$queryRaw<{ seq: bigint; hash: string }[]>`
          select seq, hash from outbox_counter for update`;
        if (tip === undefined)
          throw new Error('outbox_counter is empty; was the migration applied whole?');
        const item = nextOutboxItem({ seq: Number(tip.seq), hash: tip.hash }, content);
        await tx.outboxItem.create({
          data: {
            seq: item.seq,
            id: item.id,
            prevHash: item.prevHash,
            hash: item.hash,
            createdAt: item.createdAt,
            bundleDigest: item.bundle.digest,
            bundleSize: item.bundle.size,
            artifactDigest: item.artifact.digest,
            artifactSize: item.artifact.size,
            claimedTarget: item.claimedTarget,
          },
        });
        await tx.$executeRaw`update outbox_counter set seq = ${item.seq}, hash = ${item.hash}`;
        return item;
      });
    },

    async refuse(id, reason) {
      await db.promotionRequest.updateMany({
        where: { id, state: 'asked' },
        data: { state: 'refused', stateReason: reason },
      });
    },
  };
}
