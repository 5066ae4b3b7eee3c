/** Reads what changes from the gate's own mirror, the same in intake, authority and deliverer. */
import { AirlockError } from '@airlock/common/errors';
import {
  codeOwnersPaths,
  filesByOwner,
  maxCodeOwnersBytes,
  readCodeOwners,
} from '../domain/changes/code-owners.ts';
import { dependenciesOf, type LockfilePair } from '../domain/changes/dependencies.ts';
import { isLockfile, maxLockfileBytes } from '../domain/changes/lockfile.ts';
import { isMigration, maxMigrationBytes, migrationsOf } from '../domain/changes/migrations.ts';
import {
  makeDelta,
  maxDeltaCommits,
  type Delta,
  type DeltaCommit,
  type DeltaDetails,
  type DeltaFile,
} from '../domain/delta.ts';
import type { GitReader } from './intake-ports.ts';
import { remembered } from './remembered.ts';

/** Lockfiles and migrations that are read; the ones after them are named as unread. */
const maxLockfiles = 32;
const maxMigrationTexts = 50;

/**
 * What changes from `base` to `commit`.
 *
 * @returns null when there are more than {@link maxDeltaCommits} commits: nobody can say then who wrote them.
 */
export async function readDelta(
  git: GitReader,
  range: { base: { commit: string; release: string } | null; commit: string },
): Promise<Delta | null> {
  const from = range.base?.commit ?? null;
  const { commit } = range;
  const [commits, files] = await Promise.all([
    commitsOf(git, from, commit),
    filesOf(git, from, commit),
  ]);
  if (commits.length > maxDeltaCommits) return null;
  const details = await detailsOf(git, { from, commit, files });
  return makeDelta({ base: range.base, commits, files, details });
}

/**
 * What a return changes. To an earlier place on main it takes back commits, which are listed and of which nobody is an author
 * here: they were approved when they came, and what comes back was approved before them.
 *
 * @returns null as {@link readDelta} does.
 */
export async function readReturnDelta(
  git: GitReader,
  range: { base: { commit: string; release: string }; commit: string },
): Promise<Delta | null> {
  const { base, commit } = range;
  const away = await commitsOf(git, commit, base.commit);
  if (away.length > maxDeltaCommits) return null;
  if (away.length === 0) return readDelta(git, range);
  const files = await filesOf(git, base.commit, commit);
  const details = await detailsOf(git, { from: base.commit, commit, files });
  return { ...makeDelta({ base, commits: away, files, details }), emails: [] };
}

type Question = { from: string | null; commit: string; files: readonly DeltaFile[] };

/** What is between two commits never changes, and a waiting promotion is judged many times. */
const commitsOnce = remembered<readonly DeltaCommit[]>(16);
const commitsOf = (git: GitReader, from: string | null, to: string) =>
  commitsOnce(git, `${from ?? ''}..${to}`, () => git.log({ from, to, limit: maxDeltaCommits + 1 }));

/** Beyond this many files it is read anew each time, so that no repository fills the gate's memory. */
const maxRememberedFiles = 10_000;
const filesOnce = remembered<readonly DeltaFile[]>(
  16,
  ({ length }) => length <= maxRememberedFiles,
);
const filesOf = (git: GitReader, from: string | null, to: string) =>
  filesOnce(git, `${from ?? ''}..${to}`, () => git.changedFiles({ from, to }));

const detailsOnce = remembered<DeltaDetails>(16);
const detailsOf = (git: GitReader, question: Question): Promise<DeltaDetails> =>
  detailsOnce(git, `${question.from ?? ''}..${question.commit}`, () => readDetails(git, question));

async function readDetails(git: GitReader, { from, commit, files }: Question) {
  const lockfiles = files.filter(({ path }) => isLockfile(path));
  const texts = files
    .filter(({ path, status }) => status !== 'D' && path.endsWith('.sql') && isMigration(path))
    .slice(0, maxMigrationTexts);
  const pairs: LockfilePair[] = [];
  for (const [place, { path, status }] of lockfiles.entries()) {
    const read = (at: string) =>
      place < maxLockfiles ? readFile(git, at, path, maxLockfileBytes) : 'too-large';
    pairs.push({
      path,
      before: from === null || status === 'A' ? null : await read(from),
      after: status === 'D' ? null : await read(commit),
    });
  }
  const sql = new Map<string, string | null>();
  for (const { path } of texts) {
    const bytes = await readFile(git, commit, path, maxMigrationBytes);
    if (bytes !== null) sql.set(path, bytes === 'too-large' ? null : bytes.toString('utf8'));
  }
  return {
    dependencies: dependenciesOf(pairs),
    migrations: migrationsOf(files, sql),
    owners: await ownersOf(git, commit, files),
  };
}

async function readFile(
  git: GitReader,
  commit: string,
  path: string,
  maxBytes: number,
): Promise<Buffer | 'too-large' | null> {
  try {
    const bytes = await git.readBlob(commit, path);
    return bytes !== null && bytes.length > maxBytes ? 'too-large' : bytes;
  } catch (cause) {
    if (cause instanceof AirlockError && cause.code === 'git-too-large') return 'too-large';
    throw cause;
  }
}

async function ownersOf(git: GitReader, commit: string, files: readonly DeltaFile[]) {
  for (const path of codeOwnersPaths) {
    const bytes = await readFile(git, commit, path, maxCodeOwnersBytes);
    if (bytes === null || bytes === 'too-large') continue;
    return filesByOwner(
      files.map(({ path: changed }) => changed),
      readCodeOwners(bytes.toString('utf8')),
    );
  }
  return [];
}
