/**
 * A run of strangers waits until a member lets exactly that commit be built. What is released is what was looked at: another
 * commit, other pipeline files, or the author's own word do not count.
 */
import { createHash } from 'node:crypto';
import { canonicalJson } from '@airlock/common/encoding/canonical-json';
import type { PullRequestFacts } from './pull-request.ts';
import type { TrustLevel } from './trust-level.ts';

/** `own`: those of the pull request's commit. `base`: those of the branch that it shall be merged into. */
export type FilesFrom = 'own' | 'base';

/** Whose pipeline files a run follows, as long as nobody releases it with others. */
export function filesFollowed(level: TrustLevel): FilesFrom {
  return level === 0 ? 'base' : 'own';
}

/** Pipeline files by path, and the release file. */
interface FileSet {
  readonly pipelines: readonly { readonly path: string; readonly text: string }[];
  readonly release: string | null;
}

/** Names both sets of files, so that a release says which difference was on the page. */
export function filesDigestOf(files: { readonly base: FileSet; readonly own: FileSet }): string {
  const plain = ({ pipelines, release }: FileSet) => ({
    pipelines: pipelines.map(({ path, text }) => ({ path, text: sound(text) })),
    release: release === null ? null : sound(release),
  });
  const document = canonicalJson({ base: plain(files.base), own: plain(files.own) });
  return createHash('sha256').update(document).digest('hex');
}

/** Text of any bytes may hold half a surrogate pair, which canonical JSON refuses. */
const sound = (text: string): string => text.toWellFormed();

export interface HeldRun {
  readonly state: string;
  readonly commit: string;
  /** Of the run's ref as last seen; null when the ref is gone. */
  readonly head: string | null;
  readonly pullRequest: PullRequestFacts | null;
  /** As git has it: anybody's word, good enough to refuse by. */
  readonly authorEmail: string;
  readonly filesDigest: string;
}

export interface Releaser {
  readonly id: string;
  /** Accounts at forges that are known to be this person's. */
  readonly identities: readonly { readonly provider: string; readonly id: string }[];
}

export interface ReleaseWish {
  /** The commit that was looked at. */
  readonly commit: string;
  readonly filesDigest: string;
}

export type ReleaseRefusal = {
  readonly code:
    'not-held' | 'commit-differs' | 'head-moved' | 'files-changed' | 'own-pull-request';
  readonly text: string;
};

/** Every reason why this person may not release this run now; empty: go. */
export function releaseRefusals(
  run: HeldRun,
  wish: ReleaseWish,
  releaser: Releaser,
): ReleaseRefusal[] {
  const refusals: ReleaseRefusal[] = [];
  const refuse = (code: ReleaseRefusal['code'], text: string): void => {
    refusals.push({ code, text });
  };
  if (run.state !== 'held') refuse('not-held', 'This run does not wait to be released (any more).');
  if (wish.commit !== run.commit) {
    refuse('commit-differs', `This run is of ${run.commit}, not of ${wish.commit}.`);
  }
  const told = run.pullRequest?.headCommit ?? run.commit;
  if (run.head !== run.commit || told !== run.commit) {
    refuse(
      'head-moved',
      'The pull request was pushed to since; its newest commit has a run of its own to look at.',
    );
  }
  if (wish.filesDigest !== run.filesDigest) {
    refuse(
      'files-changed',
      'The pipeline files of the base branch changed since this page was made; look at the difference again.',
    );
  }
  if (isAuthor(run, releaser)) {
    refuse('own-pull-request', 'You opened or wrote this pull request; somebody else releases it.');
  }
  return refusals;
}

function isAuthor({ pullRequest, authorEmail }: HeldRun, { id, identities }: Releaser): boolean {
  const author = pullRequest?.author ?? null;
  const linked = identities.some(
    (identity) => identity.provider === author?.provider && identity.id === author.id,
  );
  return linked || authorEmail.toLowerCase() === id.toLowerCase();
}
