import type { RunNews } from '../domain/run-news.ts';

/** Who is told of a repository's runs. */
export interface NotificationRule {
  /** Whoever made the commit or the pull request, by the address or the account that they said is theirs. */
  readonly authors: boolean;
  /** Everybody in a group that owns the repository. */
  readonly owners: boolean;
  /** Channels of the scheduler's configuration. */
  readonly channels: readonly string[];
}

export interface NotificationRules {
  /** What counts: the row, or that authors are told and nobody else. Null when there is no such repository. */
  of(repository: string): Promise<NotificationRule | null>;
  /** False when there is no such repository. */
  set(repository: string, rule: NotificationRule, person: string): Promise<boolean>;
}

export interface RunNewsStore {
  /** Runs that failed, passed after a failure, or are held since the last hour, and were not told yet. */
  untold(limit: number): Promise<readonly RunNews[]>;
  /** Addresses of those whom the rule names and who want mail. */
  readers(
    runId: string,
    rule: NotificationRule,
  ): Promise<readonly { readonly person: string; readonly address: string }[]>;
}

export interface NotificationChoice {
  readonly address: string;
  readonly mail: boolean;
}

/** What somebody was sent, or was to be sent. */
export interface SentNotification {
  readonly title: string;
  readonly path: string;
  readonly channel: string;
  readonly recipient: string;
  readonly state: 'waiting' | 'sent' | 'dead';
  readonly tries: number;
  /** Why the last attempt failed; null when it did not. */
  readonly error: string | null;
  readonly occurredAt: Date;
}

export interface NotificationChoices {
  of(person: string): Promise<NotificationChoice | null>;
  choose(person: string, choice: NotificationChoice): Promise<void>;
  /** Newest first, the last hundred; of one person, or of everybody and every channel. */
  sent(person: string | null): Promise<readonly SentNotification[]>;
}
