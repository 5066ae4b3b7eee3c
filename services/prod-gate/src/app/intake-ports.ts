/** What intake needs beside the stores: nonprod's outbox, the gate's own mirror and its own artifact store. */
import type { CommitKey, CommitSignature } from '@airlock/common/trust/commit-signature';
import type { CommitPlace } from '@airlock/common/verify/decide-admission';
import type { OutboxPage, StatusReport } from '@airlock/common/wire/outbox';
import type { SecretMarks, SecretMarksRequest } from '@airlock/common/wire/secret-marks';
import type { DeltaCommit, DeltaFile } from '../domain/delta.ts';

export type OutboxClient = {
  page(window: { after: number; limit: number }): Promise<OutboxPage>;
  /** Bytes as they come; nothing about them is checked. Throws `outbox-blob-missing` when nonprod has none, `outbox-blob-corrupt` when it says that its copy is damaged. */
  blob(digest: string): Promise<AsyncIterable<Uint8Array>>;
  report(report: StatusReport): Promise<void>;
  secretMarks(request: SecretMarksRequest): Promise<SecretMarks>;
};

/** Nonprod as the witness of the gate's ledger. */
export type Witness = {
  /** @param body as C2SP tlog-witness has it. Every status is an answer; only silence throws. */
  addCheckpoint(body: Buffer): Promise<{ status: number; body: Buffer }>;
};

/** What decides beside the commit itself. */
export type SignatureQuestion = {
  readonly keys: readonly CommitKey[];
  /** Git addresses of a roster id. */
  readonly emailsOf: (owner: string) => readonly string[];
  /** When main first had the commit; null while the ledger does not say. */
  readonly firstSeenAt: Date | null;
  readonly now: Date;
};

/** What one repository's mirror, already fetched, says. */
export type GitReader = {
  commitFacts(commit: string, paths: readonly string[]): Promise<CommitPlace | null>;
  /** Whether the commit, which the mirror has, counts as signed. */
  signature(commit: string, given: SignatureQuestion): Promise<CommitSignature>;
  /** The commit object as git hashes it, signature included; null when the mirror does not have it. */
  commitObject(commit: string): Promise<Buffer | null>;
  /** All commits of `from..to`, newest first; from null: all of `to`'s history. */
  log(range: { from: string | null; to: string; limit: number }): Promise<DeltaCommit[]>;
  /** The content of a regular file at a commit, or null. */
  readBlob(commit: string, path: string): Promise<Buffer | null>;
  /** Paths of the regular files directly in a directory; `''`: the top. */
  listFiles(commit: string, directory: string): Promise<readonly string[]>;
  /** Paths of all regular files of a commit. */
  allFiles(commit: string): Promise<readonly string[]>;
  changedFiles(range: { from: string | null; to: string }): Promise<DeltaFile[]>;
};

/** A commit that says it takes back others. */
export type Revert = {
  readonly commit: string;
  readonly subject: string;
  /** Full ids of what it names. */
  readonly reverts: readonly string[];
};

export type Mirror = GitReader & {
  /** Of the commits of `from..to`, newest first. */
  reverts(range: { from: string; to: string; limit: number }): Promise<Revert[]>;
  /** @throws GitError `git-rewound` when main was rewritten, `git-unreachable`, `git-fsck` */
  fetch(): Promise<{ head: string | null; previous: string | null }>;
  /** Main as last fetched; null while there is none. */
  mainHead(): Promise<string | null>;
  /** @throws GitError `git-rewound` when main is not what was accepted. */
  acceptRewrite(rewrite: { from: string; to: string }): Promise<void>;
};

/** The gate's own store, by SHA-256. */
export type ArtifactStore = {
  put(
    source: AsyncIterable<Uint8Array>,
    limits: { maxBytes: number; expected?: string },
  ): Promise<{ digest: string; size: number }>;
  has(digest: string): Promise<boolean>;
  /** After the whole of it was hashed; the caller closes it. @throws ArtifactError `artifact-corrupt` */
  openVerified(
    digest: string,
  ): Promise<{ readonly handle: { close(): Promise<void> }; readonly size: number }>;
  /** Removing what is not there is no fault. */
  remove(digest: string): Promise<void>;
};
