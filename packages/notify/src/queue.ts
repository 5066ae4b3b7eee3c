/**
 * What is told and to whom it is sent, in Postgres: `notification`, a row an event, and `dispatch`, a row a recipient. Both
 * services have these tables alike, each in its own database.
 */
import type { DatabasePool } from '@airlock/database/pool';
import type { Outcome } from './notification.ts';

/** As it stands in the table: with the path of a page, and without what its senders know. */
export interface ToldNotification {
  readonly id: string;
  readonly thread: string;
  readonly type: string;
  readonly title: string;
  readonly lines: readonly string[];
  readonly path: string;
  /** Target or repository whose rules say who is told; null: of the whole installation. */
  readonly about: string | null;
  /** Who did it. */
  readonly actor: string | null;
  readonly occurredAt: Date;
}

export interface Recipient {
  readonly channel: string;
  /** An address where the channel is mail, empty elsewhere. */
  readonly recipient: string;
  /** Whose address it is; null for a channel. */
  readonly person: string | null;
}

export interface DueDispatch extends Recipient {
  readonly notification: ToldNotification;
  /** With the one that is due now. */
  readonly tries: number;
}

export interface NotificationQueue {
  /** Told and not yet addressed, oldest first. */
  unaddressed(limit: number): Promise<readonly ToldNotification[]>;
  /** Everybody to whom something of this thread was addressed. */
  recipientsOf(thread: string): Promise<readonly Recipient[]>;
  /** In one transaction: addressed once, and each recipient once. */
  address(id: string, recipients: readonly Recipient[]): Promise<void>;
  /** Takes what is due for two minutes; whoever is not settled by then is due again. */
  due(limit: number): Promise<readonly DueDispatch[]>;
  settle(dispatch: DueDispatch, outcome: Outcome): Promise<'sent' | 'waiting' | 'dead'>;
}

/** After so many attempts, in about three and a half hours, nobody tries again; the page says why. */
export const mostTries = 8;

/** 15 s, 1 min, 4 min, 16 min, then an hour each; never sooner than the other side asked for. */
export function secondsToNextTry(tries: number, retryAfterSeconds: number | null): number {
  return Math.max(Math.min(15 * 4 ** (tries - 1), 3600), retryAfterSeconds ?? 0);
}

const told = `n.id, n.thread, n.type, n.title, n.lines, n.path, n.about, n.actor, n.occurred_at as "occurredAt"`;

export function createNotificationQueue(pool: DatabasePool): NotificationQueue {
  return {
    async unaddressed(limit) {
      const { rows } = await pool.query<ToldNotification>(
        `select ${told} from notification n where addressed_at is null order by occurred_at, id limit $1`,
        [limit],
      );
      return rows;
    },

    async recipientsOf(thread) {
      const { rows } = await pool.query<Recipient>(
        `select distinct d.channel, d.recipient, d.person from dispatch d
         join notification n on n.id = d.notification_id where n.thread = $1`,
        [thread],
      );
      return rows;
    },

    async address(id, recipients) {
      await pool.query(
        `with addressed as (
           update notification set addressed_at = now() where id = $1 and addressed_at is null returning id
         )
         insert into dispatch (notification_id, channel, recipient, person)
         select distinct on (r.channel, r.recipient) a.id, r.channel, r.recipient, r.person
         from addressed a cross join unnest($2::text[], $3::text[], $4::text[]) r (channel, recipient, person)
         on conflict do nothing`,
        [
          id,
          recipients.map(({ channel }) => channel),
          recipients.map(({ recipient }) => recipient),
          recipients.map(({ person }) => person),
        ],
      );
    },

    async due(limit) {
      const { rows } = await pool.query<ToldNotification & Recipient & { readonly tries: number }>(
        `with taken as (
           update dispatch d set tries = d.tries + 1, next_at = now() + interval '2 minutes'
           from (
             select notification_id, channel, recipient from dispatch
             where state = 'waiting' and next_at <= now() order by next_at limit $1 for update skip locked
           ) due
           where d.notification_id = due.notification_id and d.channel = due.channel and d.recipient = due.recipient
           returning d.*
         )
         select t.channel, t.recipient, t.person, t.tries, ${told}
         from taken t join notification n on n.id = t.notification_id order by n.occurred_at, n.id`,
        [limit],
      );
      return rows.map(({ channel, recipient, person, tries, ...notification }) => ({
        ...{ channel, recipient, person, tries, notification },
      }));
    },

    async settle({ notification, channel, recipient, tries }, outcome) {
      const isDead = !outcome.sent && (outcome.isFinal || tries >= mostTries);
      const state = outcome.sent ? 'sent' : isDead ? 'dead' : 'waiting';
      const wait = outcome.sent ? 0 : secondsToNextTry(tries, outcome.retryAfterSeconds);
      await pool.query(
        `update dispatch set state = $4, error = $5, settled_at = case when $4 = 'waiting' then null else now() end,
           next_at = now() + make_interval(secs => $6)
         where notification_id = $1 and channel = $2 and recipient = $3 and state = 'waiting' and tries = $7`,
        [
          ...[notification.id, channel, recipient, state],
          outcome.sent ? null : outcome.why.slice(0, 500),
          ...[wait, tries],
        ],
      );
      return state;
    },
  };
}
