/**
 * Whether a commit counts as signed. Git's own verification leaves three things open: it takes any listed key for any
 * committer, it compares a key's expiry with the date that the commit claims for itself, and it asks configuration which
 * program to run. Here the raw object, the reviewed keys and the time at which main first had the commit decide.
 */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Name, Timestamp } from '../wire/scalars.ts';
import {
  fingerprintOf,
  parseSshPublicKey,
  parseSshSignature,
  SshError,
  sshSignatureIsValid,
  type SshPublicKey,
  type SshSignature,
} from './ssh-signature.ts';

/** The owner that stands for the forge, which signs merges in the name of others. */
export const forgeOwner = 'forge';

export const CommitKey = z
  .strictObject({
    key: z
      .string()
      .max(1024)
      .refine(isAcceptedKey, {
        message:
          'expected a line such as "ssh-ed25519 AAAA…" (ssh-ed25519 or ecdsa-sha2-nistp256), as ssh-keygen -t ed25519 makes it',
      })
      .describe('The public key, as its .pub file has it.'),
    owner: Name.describe(
      'Roster id of the person whose commits it signs, or forge for a key that signs merges of others.',
    ),
    notBefore: Timestamp,
    notAfter: Timestamp,
    revokedAt: Timestamp.optional().describe(
      'From this moment no commit counts as signed by it, whenever main had it.',
    ),
  })
  .refine(({ notBefore, notAfter }) => Date.parse(notBefore) < Date.parse(notAfter), {
    message: 'notBefore is not before notAfter; correct the window',
  });
export type CommitKey = z.infer<typeof CommitKey>;

function isAcceptedKey(line: string): boolean {
  try {
    parseSshPublicKey(line);
    return true;
  } catch (cause) {
    if (cause instanceof SshError) return false;
    throw cause;
  }
}

export type CommitSignature =
  | { readonly signed: true; readonly fingerprint: string; readonly owner: string }
  | {
      readonly signed: false;
      /** What is wrong, continuing "the commit …". */
      readonly reason: string;
    };

/**
 * @param given.object the raw commit object, as `git cat-file commit` gives it.
 * @param given.emailsOf git addresses of a roster id; none for somebody who is not in it.
 * @param given.firstSeenAt when main first had the commit, by the ledger; null while the ledger does not say.
 */
export function judgeCommitSignature(given: {
  commit: string;
  object: Uint8Array;
  keys: readonly CommitKey[];
  emailsOf: (owner: string) => readonly string[];
  firstSeenAt: Date | null;
  now: Date;
}): CommitSignature {
  const no = (reason: string): CommitSignature => ({ signed: false, reason });
  const { object, firstSeenAt, now } = given;
  if (commitId(object) !== given.commit) return no('is not the object that its id names');
  const parts = takeApart(object);
  if (parts === null) return no('is not written as git writes commits');
  if (parts.signature === null) return no('carries no signature');
  let signature: SshSignature;
  try {
    signature = parseSshSignature(parts.signature);
  } catch (cause) {
    if (!(cause instanceof SshError)) throw cause;
    return no(`carries something else than an SSH signature (${cause.message})`);
  }
  const fingerprint = fingerprintOf(signature.keyBlob);
  const rows = given.keys.map((row) => ({ ...row, parsed: parseSshPublicKey(row.key) }));
  const row = rows.find(({ parsed }) => parsed.blob.equals(signature.keyBlob));
  if (row === undefined) return no(`is signed by ${fingerprint}, which commitKeys does not list`);
  if (!isSignedBy(row.parsed))
    return no(`carries a signature by ${fingerprint} that is not over it`);
  if (row.owner !== forgeOwner && !given.emailsOf(row.owner).includes(parts.committerEmail)) {
    return no(
      `is signed by ${fingerprint} of ${row.owner} and committed as ${JSON.stringify(parts.committerEmail)}, which is none of ${row.owner}'s addresses`,
    );
  }
  if (row.revokedAt !== undefined && Date.parse(row.revokedAt) <= now.getTime()) {
    return no(`is signed by ${fingerprint}, revoked at ${row.revokedAt}`);
  }
  if (firstSeenAt === null) {
    return no('is not covered yet by a head of main in the signed ledger');
  }
  const seen = firstSeenAt.toISOString();
  if (firstSeenAt.getTime() < Date.parse(row.notBefore)) {
    return no(`came to main at ${seen}; ${fingerprint} counts from ${row.notBefore}`);
  }
  // Not the committer's date: whoever holds an expired key writes any date into a commit.
  if (firstSeenAt.getTime() >= Date.parse(row.notAfter)) {
    return no(`came to main at ${seen}; ${fingerprint} expired at ${row.notAfter}`);
  }
  return { signed: true, fingerprint, owner: row.owner };

  function isSignedBy(key: SshPublicKey): boolean {
    return parts !== null && sshSignatureIsValid(signature, key, 'git', parts.payload);
  }
}

/** The id that git gives a raw commit object, in a repository of SHA-1. */
export function commitId(object: Uint8Array): string {
  return createHash('sha1').update(`commit ${object.length}\0`).update(object).digest('hex');
}

type Parts = {
  readonly committerEmail: string;
  readonly signature: string | null;
  /** What was signed: the object without its signature header. */
  readonly payload: Buffer;
};

/** Null for headers that git would not write: nothing is guessed about what a signature could mean there. */
function takeApart(object: Uint8Array): Parts | null {
  // Latin-1 keeps every byte, so that what is put together again is what was signed.
  const text = Buffer.from(object).toString('latin1');
  const end = text.indexOf('\n\n');
  if (end === -1) return null;
  // A header's value goes on in the lines that begin with a space.
  const headers = text.slice(0, end).split(/\n(?! )/);
  const named = (name: string): string[] =>
    headers
      .filter((header) => header.startsWith(`${name} `))
      .map((header) => header.slice(name.length + 1));
  const [committer, ...committers] = named('committer');
  const [signature, ...signatures] = named('gpgsig');
  const foreign = named('gpgsig-sha256').length;
  if (committer === undefined || committers.length + signatures.length + foreign > 0) return null;
  const email = /^[^<>\n]*<([^<>\n]*)> \d+ [+-]\d{4}$/.exec(committer)?.[1];
  if (email === undefined) return null;
  const payload = headers.filter((header) => !header.startsWith('gpgsig ')).join('\n');
  return {
    committerEmail: email,
    signature: signature === undefined ? null : signature.replaceAll('\n ', '\n'),
    payload: Buffer.from(payload + text.slice(end), 'latin1'),
  };
}
