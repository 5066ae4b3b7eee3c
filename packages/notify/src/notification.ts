/** What people are told, before it is put into the words of one channel. */

/** One thing that happened or waits. It carries a link to where it is decided, and never a button that decides. */
export interface Notification {
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
