/** What git prints, taken apart. Fields end in NUL, because names and paths may hold anything else. */
import { GitError } from './git-error.ts';

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

export type ChangedFile = {
  path: string;
  /** A added, D deleted, M modified, T changed type. */
  status: string;
  /** Lines; null for a binary file. */
  added: number | null;
  removed: number | null;
};

/** `git log -z --format=%H%x00%an%x00%ae%x00%cn%x00%ce%x00%s%x00%ct` */
export function parseLog(output: Buffer): LogEntry[] {
  const fields = output.toString('utf8').split('\0');
  if (fields.at(-1) === '') fields.pop();
  const entries: LogEntry[] = [];
  for (let at = 0; at < fields.length; at += 7) {
    const [commit, authorName, authorEmail, committerName, committerEmail, subject, seconds] =
      fields.slice(at, at + 7);
    if (
      commit === undefined ||
      authorName === undefined ||
      authorEmail === undefined ||
      committerName === undefined ||
      committerEmail === undefined ||
      subject === undefined ||
      seconds === undefined
    ) {
      throw new GitError('git-failed', 'git log wrote an incomplete entry');
    }
    const committedAt = instant(seconds);
    entries.push({
      commit,
      authorName,
      authorEmail,
      committerName,
      committerEmail,
      subject,
      committedAt,
    });
  }
  return entries;
}

export type Revert = {
  commit: string;
  subject: string;
  /** Full ids of the commits that its message says it reverts, in the words that git itself writes. */
  reverts: string[];
};

/** `git log -z --format=%H%x00%s%x00%b` */
export function parseReverts(output: Buffer): Revert[] {
  const fields = output.toString('utf8').split('\0');
  const found: Revert[] = [];
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const [commit = '', subject = '', body = ''] = fields.slice(at, at + 3);
    const named = body.matchAll(/\bThis reverts commit ([0-9a-f]{40})\b/g);
    found.push({ commit, subject, reverts: [...named].map(([, id = '']) => id) });
  }
  return found;
}

function instant(seconds: string): string {
  const date = new Date(Number(seconds) * 1000);
  // A commit may claim a year that no calendar here reaches; the claim is worth nothing anyway.
  return Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999
    ? '9999-12-31T23:59:59Z'
    : date.toISOString().replace('.000Z', 'Z');
}

/** `git diff-tree -r -z --raw --numstat --no-renames`: first a record a file with its status, then one with its counts. */
export function parseChangedFiles(output: Buffer): ChangedFile[] {
  const tokens = output.toString('utf8').split('\0');
  const statuses = new Map<string, string>();
  const files: ChangedFile[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const token = tokens[at] ?? '';
    const raw = /^:\d{6} \d{6} [0-9a-f]+ [0-9a-f]+ ([A-Z])$/.exec(token);
    if (raw?.[1] !== undefined) {
      at += 1;
      statuses.set(tokens[at] ?? '', raw[1]);
      continue;
    }
    const [, added, removed, path] = /^(\d+|-)\t(\d+|-)\t(.*)$/s.exec(token) ?? [];
    if (added === undefined || removed === undefined || path === undefined) continue;
    const status = statuses.get(path);
    if (status === undefined) {
      throw new GitError('git-failed', 'git diff-tree counted a file that it did not list');
    }
    files.push({ path, status, added: count(added), removed: count(removed) });
  }
  return files;
}

const count = (text: string): number | null => (text === '-' ? null : Number(text));
