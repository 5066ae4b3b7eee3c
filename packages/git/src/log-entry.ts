/** What is told of the commits of a range. */
import type { RangeCommit } from './commit-range.ts';

export type LogEntry = {
  commit: string;
  authorName: string;
  authorEmail: string;
  committerName: string;
  committerEmail: string;
  subject: string;
  /** RFC 3339 in UTC. What the committer claims. */
  committedAt: string;
};

export type Revert = {
  commit: string;
  subject: string;
  /** Full ids of the commits that its message says it reverts, in the words that git itself writes. */
  reverts: string[];
};

export function logEntry({
  commit,
  author,
  committer,
  subject,
  committedAt,
}: RangeCommit): LogEntry {
  return {
    commit,
    ...{ authorName: author.name, authorEmail: author.email },
    ...{ committerName: committer.name, committerEmail: committer.email },
    subject,
    committedAt: instant(committedAt),
  };
}

/** Null for a commit that does not say that it reverts anything. */
export function revertOf({ commit, subject, reverts }: RangeCommit): Revert | null {
  return reverts === null ? null : { commit, subject, reverts: [...reverts] };
}

function instant(seconds: number): string {
  const date = new Date(seconds * 1000);
  // A commit may claim a year that no calendar here reaches; the claim is worth nothing anyway.
  return Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999
    ? '9999-12-31T23:59:59Z'
    : date.toISOString().replace('.000Z', 'Z');
}
