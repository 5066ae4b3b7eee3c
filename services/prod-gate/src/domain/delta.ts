/**
 * What changes on the target: the commits and files between what is live and the release. Its digest is part of the
 * promotion document, so an approval covers exactly the changes that the page showed.
 */
import { canonicalJson, type JsonInput } from '@airlock/common/encoding/canonical-json';
import { deltaDigest } from '@airlock/common/promotion/document';
import { GitCommit, Timestamp } from '@airlock/common/wire/scalars';
import { z } from 'zod';
import { ArtifactDelta, artifactRows } from './changes/artifact-delta.ts';
import type { Dependencies } from './changes/dependencies.ts';
import type { Migration } from './changes/migrations.ts';

/** Most commits read for a delta. A longer one cannot say who wrote it and is refused. */
export const maxDeltaCommits = 10_000;
/** How many commits and files the delta lists by name; the totals count all. */
export const listedCommits = 200;
export const listedFiles = 500;

const Total = z.number().int().nonnegative();

/** What the changed files say when they are looked into. */
const DeltaDetails = z.strictObject({
  /** Of lockfiles. Against nothing where the target has had no delivery yet. */
  dependencies: z.strictObject({
    added: Total,
    removed: Total,
    changed: Total,
    list: z.array(
      z.strictObject({
        lockfile: z.string(),
        name: z.string(),
        from: z.string().nullable(),
        to: z.string().nullable(),
      }),
    ),
    unread: z.array(z.strictObject({ lockfile: z.string(), why: z.string() })),
  }),
  migrations: z.strictObject({
    count: Total,
    list: z.array(
      z.strictObject({
        path: z.string(),
        status: z.string(),
        undo: z.string().nullable(),
        warns: z.array(z.string()),
      }),
    ),
  }),
  /** Changed files by owner, as CODEOWNERS of the release says; '' counts those that are nobody's. */
  owners: z.array(z.strictObject({ owner: z.string(), files: Total })),
});

export type DeltaDetails = {
  readonly dependencies: Dependencies;
  readonly migrations: { readonly count: number; readonly list: readonly Migration[] };
  readonly owners: readonly { readonly owner: string; readonly files: number }[];
};

export const Delta = z.strictObject({
  /** What is live and is compared with; null when the target has had no delivery yet. */
  base: z.strictObject({ commit: GitCommit, release: z.string() }).nullable(),
  commitCount: z.number().int().nonnegative(),
  /** Newest first, at most {@link listedCommits}. */
  commits: z.array(
    z.strictObject({
      commit: GitCommit,
      subject: z.string(),
      authorName: z.string(),
      authorEmail: z.string(),
      committerEmail: z.string(),
      committedAt: Timestamp,
    }),
  ),
  /** Every author and committer address of all commits, sorted: these people never count as approvers. */
  emails: z.array(z.string()),
  fileCount: z.number().int().nonnegative(),
  /** At most {@link listedFiles}; added and removed are null for a binary file. */
  files: z.array(
    z.strictObject({
      path: z.string(),
      status: z.string(),
      added: z.number().int().nullable(),
      removed: z.number().int().nullable(),
    }),
  ),
  /** Absent from promotions that were taken in by a gate that did not look into files. */
  details: DeltaDetails.optional(),
  /** Absent from promotions that were taken in by a gate that did not compare artifacts. */
  artifact: ArtifactDelta.optional(),
});
export type Delta = z.infer<typeof Delta>;

/** As `@airlock/git` reports a commit of `from..to`. */
export type DeltaCommit = {
  readonly commit: string;
  readonly authorName: string;
  readonly authorEmail: string;
  readonly committerEmail: string;
  readonly subject: string;
  /** RFC 3339. */
  readonly committedAt: string;
};
export type DeltaFile = {
  readonly path: string;
  readonly status: string;
  readonly added: number | null;
  readonly removed: number | null;
};

export function makeDelta(given: {
  base: { commit: string; release: string } | null;
  commits: readonly DeltaCommit[];
  files: readonly DeltaFile[];
  details: DeltaDetails;
}): Delta {
  const emails = new Set(given.commits.flatMap((c) => [c.authorEmail, c.committerEmail]));
  return {
    base: given.base === null ? null : { commit: given.base.commit, release: given.base.release },
    commitCount: given.commits.length,
    commits: given.commits.slice(0, listedCommits).map(commitRow),
    emails: [...emails].sort(),
    fileCount: given.files.length,
    files: given.files.slice(0, listedFiles).map(fileRow),
    details: detailRows(given.details),
  };
}

/** The canonical bytes of the delta. The order of keys is fixed here, because a row's jsonb does not keep it. */
export function bytesOfDelta(delta: Delta): Buffer {
  return canonicalJson(ordered(delta));
}

/** The kernel's digest of the delta: SHA-256 of those bytes. */
export function digestOfDelta(delta: Delta): string {
  return deltaDigest(ordered(delta));
}

function ordered(delta: Delta): JsonInput {
  return {
    base: delta.base === null ? null : { commit: delta.base.commit, release: delta.base.release },
    commitCount: delta.commitCount,
    commits: delta.commits.map(commitRow),
    emails: delta.emails,
    fileCount: delta.fileCount,
    files: delta.files.map(fileRow),
    ...(delta.details === undefined ? {} : { details: detailRows(delta.details) }),
    ...(delta.artifact === undefined ? {} : { artifact: artifactRows(delta.artifact) }),
  };
}

function detailRows({ dependencies, migrations, owners }: DeltaDetails) {
  const { added, removed, changed, list, unread } = dependencies;
  return {
    dependencies: {
      ...{ added, removed, changed },
      list: list.map(({ lockfile, name, from, to }) => ({ lockfile, name, from, to })),
      unread: unread.map(({ lockfile, why }) => ({ lockfile, why })),
    },
    migrations: {
      count: migrations.count,
      list: migrations.list.map(({ path, status, undo, warns }) => ({
        ...{ path, status, undo },
        warns: [...warns],
      })),
    },
    owners: owners.map(({ owner, files }) => ({ owner, files })),
  };
}

function commitRow(c: DeltaCommit) {
  return {
    commit: c.commit,
    subject: c.subject,
    authorName: c.authorName,
    authorEmail: c.authorEmail,
    committerEmail: c.committerEmail,
    committedAt: c.committedAt,
  };
}

function fileRow(f: DeltaFile) {
  return { path: f.path, status: f.status, added: f.added, removed: f.removed };
}
