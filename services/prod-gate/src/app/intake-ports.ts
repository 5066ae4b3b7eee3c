/** What intake needs: its cursor and items, nonprod's outbox, the gate's own mirror and its own artifact store. */
import type { CommitKey, CommitSignature } from '@airlock/common/trust/commit-signature';
import type { CommitPlace } from '@airlock/common/verify/decide-admission';
import type { OutboxPage, StatusReport } from '@airlock/common/wire/outbox';
import type { SecretMarks, SecretMarksRequest } from '@airlock/common/wire/secret-marks';
import type { DeltaCommit, DeltaFile } from '../domain/delta.ts';
import type { Promotion } from '../domain/promotion.ts';
import type { Transaction } from './ports.ts';

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
  /** Paths of all regular files of a commit; null when the mirror does not have it. */
  allFiles(commit: string): Promise<readonly string[] | null>;
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

export type OutboxCursor = { readonly seq: number; readonly itemHash: string };

export type IntakeItem = {
  readonly source: string;
  readonly seq: number;
  readonly itemHash: string;
  readonly requestId: string;
  readonly claimedTarget: string;
  readonly bundleDigest: string;
  readonly artifactDigest: string;
  readonly receivedAt: Date;
  readonly outcome: 'admitted' | 'refused';
  /** Admission code; null when admitted. */
  readonly code: string | null;
  readonly detail: string | null;
  readonly promotionId: string | null;
  readonly reportedState: string | null;
};

export type AdmittedBefore = {
  /** The very same bundle was admitted for this target, whatever became of it. */
  readonly sameBundle: boolean;
  /** Provenance envelopes and payloads that a promotion of this target stands on which may still or does count. */
  readonly envelopes: readonly string[];
  readonly payloads: readonly string[];
  /** Artifact digest that this run is known by, for any target; null when the run is new. */
  readonly artifactOfInvocation: string | null;
};

export type IntakeStore = {
  cursor(source: string): Promise<OutboxCursor | null>;
  /** Notes that the outbox was asked; `head` is the highest seq that it has. */
  polled(source: string, poll: { head: number; at: Date }): Promise<void>;
  /** Records the item and moves the cursor to it. @throws StoreError `row-changed` when the cursor is not right before. */
  record(tx: Transaction, item: Omit<IntakeItem, 'reportedState'>): Promise<void>;
  admittedBefore(facts: {
    target: string;
    bundleDigest: string;
    envelopeDigest: string;
    provenanceDigest: string;
    invocationId: string;
  }): Promise<AdmittedBefore>;
  /** Items whose state nonprod has not been told, with their promotion; at most 64. */
  unreported(source: string): Promise<{ item: IntakeItem; promotion: Promotion | null }[]>;
  reported(source: string, seq: number, state: string): Promise<void>;
  recordHead(
    tx: Transaction,
    head: { repository: string; commit: string; position: number },
  ): Promise<boolean>;
  freeze(tx: Transaction, freeze: { repository: string; reason: string }): Promise<boolean>;
  /** False when it was not frozen. */
  release(tx: Transaction, repository: string): Promise<boolean>;
};
