/** What people are told, before it is put into the words of one channel. */
import { createHash } from 'node:crypto';

/** One thing that happened or waits. It carries a link to where it is decided, and never a button that decides. */
export interface Notification {
  /** The same event has the same id, however often it is sent. */
  readonly id: string;
  /** The same for everything that is told about one thing: a later one follows up the earlier (mail thread, CloudEvents subject). */
  readonly thread: string;
  /** What happened, in the words of the glossary, such as `promotion.waits` or `run.failed`. */
  readonly type: string;
  /** One sentence, plain text of any origin; senders escape it. */
  readonly title: string;
  /** Further lines, plain text. */
  readonly lines: readonly string[];
  /** The page of it: an absolute address of this installation. */
  readonly link: string;
  readonly occurredAt: Date;
}

/** What became of one attempt. `why` is for people: it names hosts, and never an address that is itself a secret. */
export type Outcome =
  | { readonly sent: true }
  | {
      readonly sent: false;
      readonly why: string;
      /** Trying again cannot help. */
      readonly isFinal: boolean;
      /** What the other side asked for, at most an hour; null: nothing. */
      readonly retryAfterSeconds: number | null;
    };

/**
 * Sends one notification.
 *
 * @param recipient a mail address where the channel is mail; without meaning elsewhere.
 */
export type Send = (
  notification: Notification,
  recipient: string,
  signal: AbortSignal,
) => Promise<Outcome>;

export const failed = (
  why: string,
  { isFinal = false, retryAfterSeconds = null as number | null } = {},
): Outcome => ({ sent: false, why, isFinal, retryAfterSeconds });

/** Printable ASCII of fixed length, whatever the id is made of: for headers and Message-IDs. */
export const messageName = (id: string): string =>
  `msg_${createHash('sha256').update(id).digest('hex').slice(0, 32)}`;

/** In characters: what any of the channels shows without folding. */
export const mostOfTitle = 300;
export const mostOfLine = 500;
export const mostLines = 20;
