import type { AnyFigure, Figure } from '@airlock/web/figures';
import { histogramBounds, histogramRows } from '@airlock/web/histogram';
import { z } from 'zod';
import type { GateDatabase } from './client.ts';

const count = z.bigint().transform(Number);
const DeliveryRows = z.array(z.object({ target: z.string(), result: z.string(), number: count }));
const TimeRows = z.array(
  z.object({ target: z.string(), bucket: count, number: count, seconds: z.number() }),
);
const StandsRow = z.object({
  leases: count,
  failures: count,
  entries: count,
  checkpoint: z.number().nullable(),
  poll: z.number().nullable(),
});

const byTarget = (rows: z.infer<typeof TimeRows>) =>
  rows.map(({ target, ...row }) => ({ labels: { target }, ...row }));

/** What the gate says of itself to Prometheus: names of targets, and numbers. Nobody decides by it. */
export function createFigureReader({ prisma }: GateDatabase): () => Promise<readonly AnyFigure[]> {
  return async () => {
    const [deliveries, times, waits, stands] = await Promise.all([
      prisma.$queryRaw`
        select target, state as result, count(*) as number from delivery
        where state <> 'running' group by target, state order by target, state`.then((rows) =>
        DeliveryRows.parse(rows),
      ),
      prisma.$queryRaw`
        select target, (select count(*) from unnest(${histogramBounds}::float8[]) bound where bound < took) as bucket,
          count(*) as number, sum(took)::float8 as seconds
        from (select target, greatest(0, extract(epoch from finished_at - started_at))::float8 as took
          from delivery where state <> 'running' and finished_at is not null) ended
        group by 1, 2 order by 1, 2`.then((rows) => TimeRows.parse(rows)),
      prisma.$queryRaw`
        select target, (select count(*) from unnest(${histogramBounds}::float8[]) bound where bound < waited) as bucket,
          count(*) as number, sum(waited)::float8 as seconds
        from (select promotion.target, greatest(0, extract(epoch from min(delivery.started_at) - promotion.admitted_at))::float8 as waited
          from promotion join delivery on delivery.promotion_id = promotion.id group by promotion.id) decided
        group by 1, 2 order by 1, 2`.then((rows) => TimeRows.parse(rows)),
      prisma.$queryRaw`
        select
          (select count(*) from vault_credential where issued_at is not null and gone_at is null
            and (dies_at is null or dies_at > now())) as leases,
          (select coalesce(sum(attempts), 0)::bigint from vault_session) as failures,
          (select coalesce(max(idx) + 1, 0) from ledger_entry) as entries,
          (select extract(epoch from now() - max(signed_at))::float8 from ledger_checkpoint) as checkpoint,
          (select extract(epoch from now() - min(polled_at))::float8 from outbox_cursor) as poll`.then(
        (rows) => z.tuple([StandsRow]).parse(rows)[0],
      ),
    ]);
    const alone = (value: number | null): Figure['rows'] =>
      value === null ? [] : [{ labels: {}, value: Math.max(0, value) }];
    return [
      {
        name: 'airlock_deliveries_total',
        help: 'Deliveries that have ended, by target and how.',
        type: 'counter',
        rows: deliveries.map(({ target, result, number }) => ({
          labels: { target, result },
          value: number,
        })),
      },
      {
        name: 'airlock_delivery_seconds',
        help: 'How long deliveries took that have ended, by target.',
        type: 'histogram',
        rows: histogramRows(byTarget(times)),
      },
      {
        name: 'airlock_decision_seconds',
        help: 'From the admission of a promotion to the start of its first delivery, by target.',
        type: 'histogram',
        rows: histogramRows(byTarget(waits)),
      },
      {
        name: 'airlock_vault_leases_active',
        help: 'Credentials that were issued for deliveries and are neither gone nor past their end.',
        type: 'gauge',
        rows: alone(stands.leases),
      },
      {
        name: 'airlock_vault_revoke_failures_total',
        help: 'Times that a revocation failed and had to be tried again.',
        type: 'counter',
        rows: alone(stands.failures),
      },
      {
        name: 'airlock_ledger_entries',
        help: 'Entries of the ledger.',
        type: 'gauge',
        rows: alone(stands.entries),
      },
      {
        name: 'airlock_ledger_checkpoint_age_seconds',
        help: 'Since the newest checkpoint was signed; nothing: there is none.',
        type: 'gauge',
        rows: alone(stands.checkpoint),
      },
      {
        name: 'airlock_outbox_poll_age_seconds',
        help: 'Since intake asked nonprod last; nothing: it never did.',
        type: 'gauge',
        rows: alone(stands.poll),
      },
    ];
  };
}
