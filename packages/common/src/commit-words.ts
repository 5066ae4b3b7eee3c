/** What a commit says of itself, read out of its object, so that everybody who has the object reads the same. */
import { Buffer } from 'node:buffer';

export interface CommitWords {
  /** First paragraph of the message on one line, as git's %s; at most 500 UTF-16 units. */
  readonly subject: string;
  /** As git's %an and %ae, without any mailmap; at most 500 UTF-16 units each. */
  readonly authorName: string;
  readonly authorEmail: string;
}

const longest = 500;

/**
 * Never throws: what a malformed commit does not say is empty, as with git.
 *
 * @param object the commit as git hashes it.
 */
export function commitWords(object: Uint8Array): CommitWords {
  const bytes = Buffer.from(object.buffer, object.byteOffset, object.byteLength);
  const end = bytes.indexOf('\n\n');
  const header = end === -1 ? bytes : bytes.subarray(0, end);
  const label = /^encoding (.+)$/m.exec(header.toString('latin1'))?.[1];
  const decoder = decoderOf(label ?? 'utf-8');
  // Lines that go on, as of a signature, begin with a blank.
  const author = /^author ([^<\n]*)<([^>\n]*)>/m.exec(decoder.decode(header));
  const message = end === -1 ? '' : decoder.decode(bytes.subarray(end + 2));
  return {
    subject: cut(subjectOf(message)),
    authorName: cut(author?.[1]?.replace(/[ \t\r]+$/, '') ?? ''),
    authorEmail: cut(author?.[2] ?? ''),
  };
}

function subjectOf(message: string): string {
  // Git reads a message up to a NUL.
  const lines = (message.split('\0', 1)[0] ?? '')
    .split('\n')
    .map((line) => line.replace(/[ \t\r]+$/, ''));
  const first = lines.findIndex((line) => line !== '');
  if (first === -1) return '';
  const after = lines.indexOf('', first);
  return lines.slice(first, after === -1 ? undefined : after).join(' ');
}

/** Half a character is none: the database would not give it back as it was. */
const cut = (text: string): string =>
  text
    .split('\0', 1)[0]
    ?.slice(0, longest)
    .replace(/[\ud800-\udbff]$/, '') ?? '';

function decoderOf(label: string): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(label, { ignoreBOM: true });
  } catch {
    return new TextDecoder('utf-8', { ignoreBOM: true });
  }
}
