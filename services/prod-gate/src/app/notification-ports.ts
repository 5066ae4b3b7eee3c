/** What the gate's use cases say that people are to be told. Who is told, and by which channel, is intake's to decide. */
import type { News } from '../domain/news.ts';
import type { Transaction } from './ports.ts';

export interface NewsOutbox {
  /** Writes it down in the caller's transaction: told exactly when that commits, and once for each id. */
  tell(tx: Transaction, news: News): Promise<void>;
}

/** How far the ledger was read for what is told of it. */
export interface NewsCursor {
  /** Index of the first entry that was not looked at. */
  next(): Promise<number>;
  advance(tx: Transaction, next: number): Promise<void>;
}

/** What was sent, or was to be sent. */
export interface SentNews {
  readonly title: string;
  readonly path: string;
  readonly channel: string;
  /** Null for a channel. */
  readonly person: string | null;
  readonly state: 'waiting' | 'sent' | 'dead';
  readonly tries: number;
  /** Why the last attempt failed; null when it did not. */
  readonly error: string | null;
  readonly occurredAt: Date;
}

export interface NewsChoices {
  /** Everybody who wants no mail. */
  quiet(): Promise<ReadonlySet<string>>;
  choose(person: string, wantsMail: boolean): Promise<void>;
  /** Newest first, the last hundred. */
  sent(): Promise<readonly SentNews[]>;
}
