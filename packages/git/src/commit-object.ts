/** A commit as git stores it, taken apart by us: what it says of people and parents rests on its id and on nothing else. */
import { GitError } from './git-error.ts';

export type Person = { readonly name: string; readonly email: string };

export type CommitObject = {
  /** Id of its tree. */
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: Person;
  readonly committer: Person;
  /** Seconds since 1970. What the committer claims. */
  readonly committedAt: number;
  /** First paragraph of the message, as one line. */
  readonly subject: string;
  /** Full ids of the commits that the rest of the message says it reverts; null where no line of it begins as a revert. */
  readonly reverts: readonly string[] | null;
  /** Length of the object. */
  readonly bytes: number;
};

const headers =
  /^tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*)author ([^\n]*)\ncommitter ([^\n]*)(?:\n|$)/;
/** `Name <address> SECONDS ZONE`; what arrives otherwise is refused by the check of what is fetched. */
const person = /^([^<>\n]*)<([^<>\n]*)> (\d+)(?: [+-]\d+)?$/;

/**
 * The people are the author and the committer where git puts them; a further header of their name says nothing.
 *
 * @param content of the object, whose hash is its id.
 * @throws GitError `git-failed` where it is not written as git writes commits.
 * @see git-commit-tree, gitformat-signature
 */
export function parseCommit(commit: string, content: Buffer): CommitObject {
  // Latin-1 keeps every byte; what is text is decoded below.
  const raw = content.toString('latin1');
  const [, tree, parents = '', author = '', committer = ''] = headers.exec(raw) ?? [];
  const [, authorName, authorEmail] = person.exec(author) ?? [];
  const [, committerName, committerEmail, seconds] = person.exec(committer) ?? [];
  if (
    tree === undefined ||
    authorName === undefined ||
    authorEmail === undefined ||
    committerName === undefined ||
    committerEmail === undefined
  ) {
    throw new GitError('git-failed', `${commit} is not written as git writes commits`);
  }
  const end = raw.indexOf('\n\n');
  const header = end === -1 ? raw : raw.slice(0, end);
  const text = decoderOf(/\nencoding ([^\n]+)/.exec(header)?.[1]);
  // Git ends a message at its first NUL, and nothing that keeps text can hold one.
  const [message = ''] = end === -1 ? [''] : raw.slice(end + 2).split('\0', 1);
  return {
    ...{ tree, parents: parents.match(/[0-9a-f]{40}/g) ?? [] },
    author: { name: text(authorName).trimEnd(), email: text(authorEmail) },
    committer: { name: text(committerName).trimEnd(), email: text(committerEmail) },
    committedAt: Number(seconds),
    bytes: content.length,
    ...partsOf(text(message)),
  };
}

function partsOf(message: string): Pick<CommitObject, 'subject' | 'reverts'> {
  const lines = message.split('\n').map((line) => line.replace(/[ \t\r]+$/, ''));
  const first = lines.findIndex((line) => line !== '');
  const gap = first === -1 ? -1 : lines.indexOf('', first);
  const body = gap === -1 ? '' : lines.slice(gap).join('\n');
  const named = body.matchAll(/\bThis reverts commit ([0-9a-f]{40})\b/g);
  return {
    subject: first === -1 ? '' : lines.slice(first, gap === -1 ? undefined : gap).join(' '),
    // Either is what git or a forge writes; more than that is not guessed at.
    reverts: /^(?:This reverts commit|Revert ")/m.test(message)
      ? [...named].map(([, id = '']) => id)
      : null,
  };
}

/** Of a header's or message's bytes, in UTF-8 unless the commit names another encoding that is known here. */
function decoderOf(encoding = 'utf-8'): (latin1: string) => string {
  const decoder = knownDecoder(encoding) ?? knownDecoder('utf-8');
  return (latin1) => decoder?.decode(Buffer.from(latin1, 'latin1')) ?? '';
}

function knownDecoder(encoding: string): InstanceType<typeof TextDecoder> | null {
  try {
    return new TextDecoder(encoding, { ignoreBOM: true });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    return null;
  }
}
