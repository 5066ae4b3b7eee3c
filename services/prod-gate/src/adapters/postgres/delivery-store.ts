import { hookKinds } from '@airlock/common/hook/kind';
import type { Delivery, DeliveryStore, Fenced } from '../../app/delivery-ports.ts';
import type { Transaction } from '../../app/ports.ts';
import { Prisma, type Delivery as DeliveryRow } from '../../generated/prisma/client.ts';
import { verifications } from '../../domain/delivery.ts';
import { clientOf, onDuplicate, type GateDatabase } from './client.ts';
import { asId, oneOf } from './rows.ts';

export function createDeliveryStore(database: GateDatabase): DeliveryStore {
  const { prisma, pool } = database;

  /** Every change goes through here: a delivery that ended or was taken over is not touched. */
  async function change(
    client: Pick<Prisma.TransactionClient, 'delivery'>,
    delivery: Fenced,
    data: Prisma.DeliveryUpdateManyMutationInput,
  ): Promise<boolean> {
    const { count } = await client.delivery.updateMany({
      where: { id: delivery.id, fence: delivery.fence, state: 'running' },
      data,
    });
    return count === 1;
  }

  return {
    async find(id) {
      const row = await prisma.delivery.findUnique({ where: { id } });
      return row === null ? null : deliveryFrom(row);
    },

    async ofPromotion(promotionId) {
      const row = await prisma.delivery.findFirst({
        where: { promotionId },
        orderBy: { startedAt: 'desc' },
      });
      return row === null ? null : deliveryFrom(row);
    },

    async running() {
      const rows = await prisma.delivery.findMany({
        where: { state: 'running' },
        orderBy: { startedAt: 'asc' },
      });
      return rows.map(deliveryFrom);
    },

    async runningOn(target) {
      // Each judgement asks, and nearly always nothing runs.
      const { rows } = await pool.query({
        name: 'delivery-running-on',
        text: "select 1 from delivery where target = $1 and state = 'running' limit 1",
        values: [target],
      });
      if (rows.length === 0) return null;
      const row = await prisma.delivery.findFirst({ where: { target, state: 'running' } });
      return row === null ? null : deliveryFrom(row);
    },

    async insert(tx, delivery) {
      await onDuplicate(
        {
          delivery_of_promotion: alreadyDelivered,
          delivery_repeats_key: alreadyDelivered,
          delivery_running: targetBusy,
        },
        () =>
          clientOf(tx).delivery.create({
            data: {
              id: delivery.id,
              promotionId: delivery.promotionId,
              target: delivery.target,
              state: 'running',
              step: 'intent',
              fence: 1,
              owner: delivery.owner,
              heartbeatAt: delivery.at,
              startedAt: delivery.at,
              intentDigest: delivery.intentDigest,
              verification: delivery.verification,
              repeats: delivery.repeats,
            },
          }),
      );
    },

    heartbeat: (delivery, at) => change(prisma, delivery, { heartbeatAt: at }),

    setStep: (tx, delivery, step) => change(clientOf(tx), delivery, { step }),

    hookStarted: (tx, delivery, { at, kind }) =>
      change(clientOf(tx), delivery, { hookStartedAt: at, hookKind: kind }),

    hookFinished: (tx, delivery, hook) =>
      change(clientOf(tx), delivery, {
        hookFinishedAt: hook.at,
        hookExit: hook.exit,
        hookResult: hook.result === null ? Prisma.DbNull : asJson(hook.result),
      }),

    setVerification: (tx, delivery, verification) =>
      change(clientOf(tx), delivery, { verification }),

    finish: (tx, delivery, end) =>
      change(clientOf(tx), delivery, {
        state: end.state,
        outcomeReason: end.reason,
        finishedAt: end.at,
      }),

    async takeOver(tx: Transaction, delivery, owner) {
      const taken = await change(clientOf(tx), delivery, { fence: { increment: 1 }, owner });
      if (!taken) return null;
      const row = await clientOf(tx).delivery.findUnique({ where: { id: delivery.id } });
      return row === null ? null : deliveryFrom(row);
    },

    async appendLog(deliveryId, lines) {
      if (lines.length === 0) return;
      // Deliverer and watchdog may both write to one log, one after the other; the number is taken inside the statement.
      await prisma.$executeRaw`
        insert into delivery_log (delivery_id, sequence, at, stream, line)
        select ${deliveryId}, coalesce((select max(sequence) from delivery_log where delivery_id = ${deliveryId}), 0) + l.n,
               l.at::timestamptz, l.stream, l.line
        from jsonb_to_recordset(${JSON.stringify(
          lines.map((line, index) => ({
            n: index + 1,
            at: line.at.toISOString(),
            stream: line.stream,
            line: storable(line.line),
          })),
        )}::jsonb) as l(n int, at text, stream text, line text)`;
    },

    async log(deliveryId, window) {
      const rows = await prisma.deliveryLog.findMany({
        where: { deliveryId, sequence: { gt: window.after } },
        orderBy: { sequence: 'asc' },
        take: window.limit,
      });
      return rows.map((row) => ({
        sequence: row.sequence,
        at: row.at,
        stream: oneOf(['gate', 'stdout', 'stderr'], row.stream),
        line: row.line,
      }));
    },
  };
}

const alreadyDelivered = {
  code: 'E_DELIVERY_CLAIMED',
  message: 'this promotion has had its delivery',
} as const;
const targetBusy = {
  code: 'target-busy',
  message: 'another delivery runs on this target',
} as const;

/** Postgres text cannot hold NUL or half a surrogate pair, both of which a hook is free to print. */
function storable(line: string): string {
  return Buffer.from(line.replaceAll('\u0000', '\uFFFD'), 'utf8').toString('utf8');
}

/** The hook's result was parsed from JSON by who stores it, so it is JSON. */
function asJson(value: unknown): Prisma.InputJsonValue {
  return value as Prisma.InputJsonValue;
}

export function deliveryFrom(row: DeliveryRow): Delivery {
  return {
    ...row,
    id: asId('dlv', row.id),
    promotionId: asId('prm', row.promotionId),
    state: oneOf(['running', 'succeeded', 'failed', 'indeterminate'], row.state),
    verification: row.verification === null ? null : oneOf(verifications, row.verification),
    hookKind: row.hookKind === null ? null : oneOf(hookKinds, row.hookKind),
  };
}
