/**
 * What is told and to whom it is sent, in Postgres: `notification`, a row an event, and `dispatch`, a row a recipient. Both
 * services have these tables alike, each in its own database.
 */
import { z } from 'zod';
import { mostLines, mostOfLine, mostOfTitle, type Outcome } from './notification.ts';
import { oneLine } from './plain-text.ts';

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

/** What a `pg.Pool` can do; both services' pools are one. */
export interface Queries {
  query(sql: string, values: unknown[]): Promise<{ readonly rows: unknown[] }>;
}

export interface NotificationQueue {
  /** Once for each id; text is made fit to be read. */
  tell(notification: ToldNotification): Promise<void>;
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

const ToldRow = z.object({
  ...{ id: z.string(), thread: z.string(), type: z.string(), title: z.string() },
  ...{ lines: z.array(z.string()), path: z.string(), about: z.string().nullable() },
  ...{ actor: z.string().nullable(), occurredAt: z.date() },
});
const RecipientRow = z.object({
  ...{ channel: z.string(), recipient: z.string(), person: z.string().nullable() },
});
const DueRow = z.object({ ...ToldRow.shape, ...RecipientRow.shape, tries: z.number() });

const told = `n.id, n.thread, n.type, n.title, n.lines, n.path, n.about, n.actor, n.occurred_at as "occurredAt"`;

export function createNotificationQueue(pool: Queries): NotificationQueue {
  return {
    async tell({ id, thread, type, title, lines, path, about, actor, occurredAt }) {
      await pool.query(
        `insert into notification (id, thread, type, title, lines, path, about, actor, occurred_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`,
        [
          ...[id, thread, type, oneLine(title, mostOfTitle)],
          lines.slice(0, mostLines).map((line) => oneLine(line, mostOfLine)),
          ...[path, about, actor, occurredAt],
        ],
      );
    },

    async unaddressed(limit) {
      const { rows } = await pool.query(
        `select ${told} from notification n where addressed_at is null order by occurred_at, id limit $1`,
        [limit],
      );
      return z.array(ToldRow).parse(rows);
    },

    async recipientsOf(thread) {
      const { rows } = await pool.query(
        `select distinct d.channel, d.recipient, d.person from dispatch d
         join notification n on n.id = d.notification_id where n.thread = $1`,
        [thread],
      );
      return z.array(RecipientRow).parse(rows);
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
      const { rows } = await pool.query(
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
      return z
        .array(DueRow)
        .parse(rows)
        .map(({ channel, recipient, person, tries, ...notification }) => ({
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
