import { createHash } from 'node:crypto';
import type { DatabasePool } from '@airlock/database/pool';
import { providers } from '@airlock/common/webhook/provider';
import type {
  DeliveryQueue,
  DeliveryStore,
  DeliveryVerdict,
  WaitingDelivery,
} from '../../app/source-ports.ts';
import type { Database, Transaction } from './client.ts';

/** What is written together at most: as many as one statement that is prepared has places for. */
const mostTogether = 16;
const columns = 7;

/**
 * One statement, prepared once a connection: a webhook is answered when its row is on disk, and by nothing else. What comes
 * while one is written is written together next, so that many at once cost Postgres little more than one.
 */
function takeStatement(count: number): { readonly name: string; readonly text: string } {
  const rows = Array.from({ length: count }, (_, row) => {
    const places = Array.from({ length: columns }, (_none, at) => `$${row * columns + at + 1}`);
    return `(${places.join(', ')})`;
  });
  return {
    name: `take-webhook-deliveries-${count}`,
    text: `insert into webhook_delivery (provider, repository, delivery_id, event, body, body_digest, relayed)
      values ${rows.join(', ')} on conflict do nothing returning provider, repository, delivery_id`,
  };
}

interface Taking {
  readonly key: string;
  readonly values: readonly unknown[];
  settle(isNew: boolean): void;
  fail(cause: unknown): void;
}

const keyOf = (provider: string, repository: string | null, id: string): string =>
  JSON.stringify([provider, repository, id]);

export function createDeliveryStore(pool: DatabasePool): DeliveryStore {
  const waiting: Taking[] = [];
  let isWriting = false;

  async function write(together: readonly Taking[]): Promise<void> {
    try {
      const { rows } = await pool.query<{
        provider: string;
        repository: string | null;
        delivery_id: string;
      }>({
        ...takeStatement(together.length),
        values: together.flatMap(({ values }) => values),
      });
      const made = new Set(rows.map((row) => keyOf(row.provider, row.repository, row.delivery_id)));
      // Of two that came together the first is the new one.
      for (const each of together) each.settle(made.delete(each.key));
    } catch (cause) {
      // What one of them is refused for is not the others' fault.
      if (together.length > 1) for (const each of together) await write([each]);
      else for (const each of together) each.fail(cause);
    }
  }

  async function writeAll(): Promise<void> {
    if (isWriting) return;
    isWriting = true;
    while (waiting.length > 0) await write(waiting.splice(0, mostTogether));
    isWriting = false;
  }

  return {
    async take({ provider, repository, id, event, body, relayed }) {
      const digest = createHash('sha256').update(body).digest();
      const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      return await new Promise<boolean>((settle, fail) => {
        const values = [provider, repository, id, event, bytes, digest, relayed];
        waiting.push({ key: keyOf(provider, repository, id), values, settle, fail });
        void writeAll();
      });
    },

    async count(refusals) {
      for (const { provider, repository, code, from, count } of refusals) {
        await pool.query({
          name: 'count-webhook-refusal',
          text: `insert into webhook_refusal (hour, provider, repository, code, count, last_at, last_from)
            values (date_trunc('hour', now()), $1, $2, $3, $4, now(), $5)
            on conflict (hour, provider, repository, code) do update
            set count = webhook_refusal.count + excluded.count, last_at = now(), last_from = excluded.last_from`,
          values: [provider, repository, code, count, from],
        });
      }
    },
  };
}

/** Prepared, as taking them is: pushes come in hundreds where many build. */
const waitingStatement = {
  name: 'waiting-webhook-deliveries',
  text: `select id, provider, repository, event, body, received_at, attempts, relayed from webhook_delivery
    where state = 'waiting' and (next_at is null or next_at <= $2) and provider = any ($3) order by id limit $1`,
};
const settleStatement = {
  name: 'settle-webhook-deliveries',
  text: `update webhook_delivery set state = $2, repository = $3, reason = $4, body = null, handled_at = now()
    where id = any ($1::bigint[]) and state = 'waiting'`,
};

type WaitingRow = {
  /** Postgres's int8, which has no number of its own. */
  id: string;
  provider: string;
  repository: string | null;
  event: string;
  body: Buffer | null;
  received_at: Date;
  attempts: number;
  relayed: boolean;
};

export function createDeliveryQueue(db: Database, pool: DatabasePool): DeliveryQueue {
  return {
    async waiting(limit) {
      const { rows } = await pool.query<WaitingRow>({
        ...waitingStatement,
        values: [limit, new Date(), providers],
      });
      return rows.flatMap((row) => {
        const provider = providers.find((each) => each === row.provider);
        if (provider === undefined) return [];
        return {
          row: BigInt(row.id),
          provider,
          repository: row.repository,
          event: row.event,
          body: row.body ?? new Uint8Array(),
          receivedAt: row.received_at,
          attempts: row.attempts,
          relayed: row.relayed,
        };
      });
    },

    async postpone({ row }, next) {
      const attempts = { increment: 1 };
      const reason = ('givenUp' in next ? next.givenUp : next.reason).slice(0, 1000);
      await db.webhookDelivery.updateMany({
        where: { id: row, state: 'waiting' },
        data:
          'givenUp' in next
            ? { attempts, reason, state: 'given-up', body: null, handledAt: new Date() }
            : { attempts, reason, nextAt: new Date(Date.now() + next.pauseSeconds * 1000) },
      });
    },

    async settle(delivery, verdict) {
      const { request } = verdict;
      await db.$transaction(async (tx) => {
        if ((await writeVerdict(tx, delivery.row, verdict)) === 0) return;
        await writeFacts(tx, delivery, verdict);
        if (request !== null) {
          await tx.runRequest.create({ data: { ...request, variables: { ...request.variables } } });
        }
      });
    },

    async settlePlain(judged) {
      const alike = Map.groupBy(judged, ({ verdict: { state, reason, repository } }) =>
        JSON.stringify([state, reason, repository]),
      );
      for (const group of alike.values()) {
        const rows = group.map(({ delivery }) => delivery.row);
        const [first] = group;
        if (first === undefined) continue;
        const { state, repository, reason } = first.verdict;
        await pool.query({
          ...settleStatement,
          values: [rows, state, repository, shown(reason)],
        });
      }
    },

    async forget(days) {
      const before = new Date(Date.now() - days * 24 * 3600_000);
      const { count } = await db.webhookDelivery.deleteMany({
        where: { receivedAt: { lt: before }, state: { not: 'waiting' } },
      });
      const refusals = await db.webhookRefusal.deleteMany({ where: { hour: { lt: before } } });
      return count + refusals.count;
    },
  };
}

const shown = (reason: string | null): string | null => reason?.slice(0, 1000) ?? null;

/** @returns 0 where it was settled before. */
async function writeVerdict(
  tx: Transaction,
  row: WaitingDelivery['row'],
  { state, reason, repository }: DeliveryVerdict,
): Promise<number> {
  const { count } = await tx.webhookDelivery.updateMany({
    where: { id: row, state: 'waiting' },
    data: { state, repository, body: null, handledAt: new Date(), reason: shown(reason) },
  });
  return count;
}

async function writeFacts(
  tx: Transaction,
  delivery: WaitingDelivery,
  { repository, pullRequest }: DeliveryVerdict,
): Promise<void> {
  if (repository === null || pullRequest === null) return;
  const { number, author, labels, ...news } = pullRequest;
  const data = {
    ...news,
    labels: [...labels],
    authorProvider: author === null ? null : delivery.provider,
    authorId: author?.id ?? null,
    authorName: author?.name ?? null,
  };
  await tx.pullRequest.createMany({ data: { repository, number, ...data }, skipDuplicates: true });
  await tx.pullRequest.updateMany({
    where: { repository, number, updatedAt: { lte: pullRequest.updatedAt } },
    data,
  });
}
