import { ReturnOrder } from '@airlock/common/promotion/document';
import { Delta } from '../../domain/delta.ts';
import {
  mayBecome,
  promotionStates,
  type ListedPromotion,
  type Promotion,
} from '../../domain/promotion.ts';
import { buildWordsOf } from '../../domain/trace.ts';
import { StoreError } from '../../app/ports.ts';
import type { LiveRelease, PromotionStore, RepositoryFreeze } from '../../app/promotion-ports.ts';
import type { Promotion as PromotionRow, TargetLive } from '../../generated/prisma/client.ts';
import { clientOf, onDuplicate, type GateDatabase } from './client.ts';
import { writeChangeTraces, writeTraces } from './trace-writer.ts';
import { asBuffer, asBytes, asId, asNumber, malformed, oneOf } from './rows.ts';

/** Left out wherever a promotion is only looked at: large, and evidence for those who verify. */
export const signedBytes = { bundle: true, document: true } as const;

export function createPromotionStore(database: GateDatabase): PromotionStore {
  const { prisma, pool } = database;
  return {
    async find(id) {
      const row = await prisma.promotion.findUnique({ where: { id }, omit: signedBytes });
      return row === null ? null : promotionFrom(row);
    },

    async evidence(id) {
      const row = await prisma.promotion.findUnique({
        where: { id },
        select: { bundle: true, document: true },
      });
      return row === null
        ? null
        : { bundle: asBuffer(row.bundle), document: asBuffer(row.document) };
    },

    async inState(state) {
      const rows = await prisma.promotion.findMany({
        where: { state },
        omit: signedBytes,
        orderBy: [{ admittedAt: 'asc' }, { id: 'asc' }],
      });
      return rows.map(promotionFrom);
    },

    async waitingOn(target) {
      const rows = await prisma.promotion.findMany({
        where: { state: 'waiting', target },
        omit: { ...signedBytes, delta: true },
      });
      return rows.map(listedFrom);
    },

    async liveOn(target) {
      const { rows } = await pool.query<TargetLive>({
        name: 'promotion-live-on',
        text: `select target, promotion_id as "promotionId", delivery_id as "deliveryId", release,
            artifact_digest as "artifactDigest", "commit", main_position as "mainPosition", since
          from target_live where target = $1`,
        values: [target],
      });
      const [row] = rows;
      return row === undefined ? null : liveFrom(row);
    },

    async freezeOf(repository) {
      const { rows } = await pool.query<RepositoryFreeze>({
        name: 'promotion-freeze-of',
        text: 'select repository, reason, since from repository_freeze where repository = $1',
        values: [repository],
      });
      return rows[0] ?? null;
    },

    async insert(tx, promotion) {
      await onDuplicate(
        {
          promotion_envelope_target: alreadyAdmitted,
          promotion_bundle_target: alreadyAdmitted,
        },
        () =>
          clientOf(tx).promotion.create({
            data: {
              id: promotion.id,
              target: promotion.target,
              release: promotion.release,
              state: 'waiting',
              stateChangedAt: promotion.admittedAt,
              subjectName: promotion.subjectName,
              artifactDigest: promotion.artifactDigest,
              artifactSize: promotion.artifactSize,
              repository: promotion.repository,
              commit: promotion.commit,
              mainPosition: promotion.mainPosition,
              pipeline: promotion.pipeline,
              builderId: promotion.builderId,
              keyIds: [...promotion.keyIds],
              invocationId: promotion.invocationId,
              builtAt: promotion.builtAt,
              requester: promotion.requester,
              requesterIdp: promotion.requesterIdp,
              reason: promotion.reason,
              requestedAt: promotion.requestedAt,
              admittedAt: promotion.admittedAt,
              expiresAt: promotion.expiresAt,
              bundle: asBytes(promotion.bundle),
              bundleDigest: promotion.bundleDigest,
              envelopeDigest: promotion.envelopeDigest,
              provenanceDigest: promotion.provenanceDigest,
              policyDigest: promotion.policyDigest,
              hook: promotion.hook,
              document: asBytes(promotion.document),
              promotionDigest: promotion.promotionDigest,
              delta: promotion.delta,
              reproduce: promotion.reproduce,
              ...(promotion.returns === null ? {} : { returns: promotion.returns }),
            },
          }),
      );
      await writeTraces(clientOf(tx), promotion, buildWordsOf(promotion.bundle));
    },

    async lock(tx, id) {
      const client = clientOf(tx);
      const locked = await client.$queryRaw<
        { id: string }[]
      >`select id from promotion where id = ${id} for update`;
      if (locked.length === 0) return null;
      const row = await client.promotion.findUnique({ where: { id }, omit: signedBytes });
      return row === null ? null : promotionFrom(row);
    },

    async setState(tx, change) {
      if (!mayBecome(change.from, change.to)) {
        throw new TypeError(`a promotion that is ${change.from} never becomes ${change.to}`);
      }
      const { count } = await clientOf(tx).promotion.updateMany({
        where: { id: change.id, state: change.from },
        data: {
          state: change.to,
          stateReason: change.reason,
          stateChangedAt: change.at,
          version: { increment: 1 },
        },
      });
      if (count !== 1) throw changed(change.id, change.from);
    },

    async replaceDocument(tx, change) {
      const { count } = await clientOf(tx).promotion.updateMany({
        where: { id: change.id, state: 'waiting' },
        data: {
          document: asBytes(change.document),
          promotionDigest: change.promotionDigest,
          policyDigest: change.policyDigest,
          hook: change.hook,
          delta: change.delta,
          expiresAt: change.expiresAt,
          version: { increment: 1 },
        },
      });
      if (count !== 1) throw changed(change.id, 'waiting');
      const row = await clientOf(tx).promotion.findUniqueOrThrow({
        where: { id: change.id },
        omit: { bundle: true, document: true },
      });
      await writeChangeTraces(clientOf(tx), { ...promotionFrom(row), delta: change.delta });
    },

    async setLive(tx, live) {
      const { target, ...rest } = live;
      await clientOf(tx).targetLive.upsert({
        where: { target },
        create: { target, ...rest },
        update: rest,
      });
    },
  };
}

const alreadyAdmitted = {
  code: 'already-admitted',
  message: 'this bundle, or the provenance in it, is admitted for this target already',
} as const;

function changed(id: string, from: string): StoreError {
  return new StoreError('row-changed', `promotion ${id} is no longer ${from}`);
}

export function promotionFrom(row: Omit<PromotionRow, 'bundle' | 'document'>): Promotion {
  const delta = Delta.safeParse(row.delta);
  if (!delta.success) throw malformed(`promotion ${row.id}: delta: ${delta.error.message}`);
  return { ...listedFrom(row), delta: delta.data };
}

export function listedFrom(
  row: Omit<PromotionRow, 'bundle' | 'document' | 'delta'>,
): ListedPromotion {
  return {
    ...row,
    id: asId('prm', row.id),
    state: oneOf(promotionStates, row.state),
    artifactSize: asNumber(row.artifactSize),
    returns: returnsFrom(row),
  };
}

function returnsFrom({ id, returns }: Pick<PromotionRow, 'id' | 'returns'>): ReturnOrder | null {
  if (returns === null) return null;
  const order = ReturnOrder.safeParse(returns);
  if (!order.success) throw malformed(`promotion ${id}: returns: ${order.error.message}`);
  return order.data;
}

export function liveFrom(row: TargetLive): LiveRelease {
  return {
    ...row,
    promotionId: asId('prm', row.promotionId),
    deliveryId: asId('dlv', row.deliveryId),
  };
}
