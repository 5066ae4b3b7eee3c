/** What is to be run of a ref: a head that moved, or a run that somebody asked for. */
import { headFacts } from '@airlock/pipeline/occasion';
import { matchesGlob } from '@airlock/pipeline/glob';
import type { RefHead } from './ports.ts';
import type { RunWish } from './prepare-run.ts';
import type { RepositoryRow, RunRequest } from './source-ports.ts';

export type WishRepository = Pick<
  RepositoryRow,
  'name' | 'url' | 'mainBranch' | 'protectedRefs' | 'branches'
>;

/** What a forge said of a pull request's branches; it counts for that head alone. */
export interface PullRequestBranches {
  readonly headCommit: string | null;
  readonly sourceBranch: string;
  readonly baseBranch: string;
}

const nothingMore = {
  ...{ pullRequest: null, tag: null, sourceBranch: null, cron: null, deployTo: null },
  ...{ before: null, variables: {}, askedBy: null },
} as const;

const tagOf = (ref: string): string | null => /^refs\/tags\/(.+)$/.exec(ref)?.[1] ?? null;

/**
 * Null for refs that start nothing, and for branches that the repository's filter leaves out; main is never left out.
 *
 * @param before the commit that the ref was at; null for a new one.
 */
export function wishOfHead(
  repository: WishRepository,
  { ref, commit }: RefHead,
  branches: PullRequestBranches | null,
  before: string | null,
): RunWish | null {
  const { mainBranch } = repository;
  const tag = tagOf(ref);
  const at = { repository, ref, commit, ...nothingMore, before };
  if (tag !== null) return { ...at, event: 'tag', branch: tag, tag };
  const facts = headFacts(ref, mainBranch);
  if (facts === null) return null;
  if (facts.pullRequest !== null) return { ...at, ...facts, ...ofForge(facts, commit, branches) };
  const isWanted =
    facts.branch === mainBranch ||
    repository.branches.length === 0 ||
    repository.branches.some((glob) => matchesGlob(glob, facts.branch));
  return isWanted ? { ...at, ...facts } : null;
}

/** The wish, or why git has nothing to run for it. */
export function wishOfRequest(
  repository: WishRepository,
  request: RunRequest,
  heads: ReadonlyMap<string, string>,
  branches: PullRequestBranches | null,
): RunWish | { readonly refused: string } {
  const { mainBranch } = repository;
  const { event, pullRequest, cron, deployTo, variables, askedBy } = request;
  const ref = resolved(request, heads);
  const commit = heads.get(ref);
  if (commit === undefined) return { refused: `the repository has no ${request.ref}` };
  if (request.commit !== null && request.commit !== commit) {
    return {
      refused: `${ref} is at ${commit.slice(0, 12)} and no longer at ${request.commit.slice(0, 12)}, which was asked for`,
    };
  }
  const tag = tagOf(ref);
  const facts = headFacts(ref, mainBranch);
  const wish = {
    ...{ repository, ref, commit, ...nothingMore },
    ...{ event, pullRequest, cron, deployTo, variables, askedBy },
    ...{ tag, branch: event === 'release' ? mainBranch : (tag ?? facts?.branch ?? mainBranch) },
  };
  return pullRequest === null ? wish : { ...wish, ...ofForge(wish, commit, branches) };
}

/** A deployment may name a tag like a branch: a branch of that name comes first, as everywhere in git’s forges. */
function resolved({ event, ref }: RunRequest, heads: ReadonlyMap<string, string>): string {
  const asTag = ref.replace(/^refs\/heads\//, 'refs/tags/');
  return event === 'deployment' && !heads.has(ref) && heads.has(asTag) ? asTag : ref;
}

function ofForge(
  facts: { readonly branch: string },
  commit: string,
  branches: PullRequestBranches | null,
): { readonly branch: string; readonly sourceBranch: string | null } {
  return branches?.headCommit === commit
    ? { branch: branches.baseBranch, sourceBranch: branches.sourceBranch }
    : { branch: facts.branch, sourceBranch: null };
}
