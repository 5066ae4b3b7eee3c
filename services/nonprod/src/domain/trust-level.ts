/**
 * How far what a run executes is trusted, before anybody looks at what it does:
 *
 *   0  strangers: a pull request of somebody who is not known as a member, or of whom nothing certain is known
 *   1  members' pull requests, from the repository itself or from a fork of their own
 *   2  branches and tags: whoever may push
 *   3  protected branches and tags: whoever may merge
 *
 * A run goes to pools of its level or below, so that no machine that a higher level relies on ever executes a lower one.
 */
import { isPullRequestRef, type PullRequestFacts } from './pull-request.ts';

export const trustLevels = [0, 1, 2, 3] as const;
export type TrustLevel = (typeof trustLevels)[number];

export const trustWords: Readonly<Record<TrustLevel, string>> = {
  0: 'strangers',
  1: 'members’ pull requests',
  2: 'branches',
  3: 'protected branches',
};

/** Whether a glob stands for a text; pipelines' own rules of globs are handed in. */
export type GlobMatch = (glob: string, text: string) => boolean;

export interface TrustQuestion {
  /** As in CI_PIPELINE_EVENT. */
  readonly event: string;
  /** Full ref, such as refs/heads/feature/main; a branch is never known by its last part. */
  readonly ref: string;
  readonly commit: string;
  /** Null: known from the mirror's refs alone. */
  readonly pullRequest: PullRequestFacts | null;
  /** Whether the pull request's author is a member, by immutable id; meaningless without facts. */
  readonly authorIsMember: boolean;
  /** Globs over full refs, such as refs/heads/main and refs/tags/v*. */
  readonly protectedRefs: readonly string[];
}

export interface Trust {
  readonly level: TrustLevel;
  /** One clause for people, without a full stop. */
  readonly why: string;
}

/** Whatever is not certain counts as a stranger's. */
export function trustLevelOf(question: TrustQuestion, matches: GlobMatch): Trust {
  const { event, ref } = question;
  if (event.startsWith('pull_request') || isPullRequestRef(ref)) return ofPullRequest(question);
  if (!ref.startsWith('refs/heads/') && !ref.startsWith('refs/tags/')) {
    return { level: 0, why: `${ref} is neither a branch nor a tag` };
  }
  const rule = question.protectedRefs.find((glob) => matches(glob, ref));
  if (rule !== undefined && event === 'deployment') {
    // Forges let whoever may push ask for one, at any commit that is there and with an environment of their choice.
    return { level: 2, why: `whoever may push can ask for a deployment, also of ${ref}` };
  }
  if (rule !== undefined) return { level: 3, why: `${ref} is protected (${rule})` };
  return { level: 2, why: `${ref} is not protected: whoever may push can change it` };
}

function ofPullRequest(question: TrustQuestion): Trust {
  const { pullRequest: facts, commit, authorIsMember } = question;
  if (facts === null) {
    return { level: 0, why: 'the forge has not said whose pull request this is' };
  }
  if (facts.headCommit !== commit) {
    return { level: 0, why: 'what the forge said of this pull request is about another commit' };
  }
  if (facts.author === null) {
    return {
      level: 0,
      why: 'the forge has not said here itself who opened this pull request (what comes by the hook relay does not count)',
    };
  }
  const author = `${facts.author.name} (${facts.author.provider} ${facts.author.id})`;
  if (!authorIsMember) return { level: 0, why: `${author} is not known here as a member` };
  if (facts.isFork && !liesWithAuthor(facts)) {
    const where = facts.headRepository ?? 'a repository that the forge does not name';
    return { level: 0, why: `${author} is a member, and others may push to ${where}` };
  }
  return { level: 1, why: `${author} is a member` };
}

/**
 * Forges let anybody open a pull request from anybody's fork: its author is whoever opened it, and what is built is whatever
 * the fork's owner pushes. Where the name of an account is that of its repositories, the two can be told to be one.
 */
function liesWithAuthor({ author, headRepository }: PullRequestFacts): boolean {
  if (author === null || headRepository === null) return false;
  const places = new Map([
    ['github', author.name],
    ['gitlab', author.name],
    ['gitea', author.name],
    ['bitbucket-server', `~${author.name}`],
  ]);
  // Bitbucket's names of people are free to choose, and name no place.
  const owner = places.get(author.provider);
  const [space, repository, ...more] = headRepository.split('/');
  return (
    owner !== undefined &&
    repository !== undefined &&
    more.length === 0 &&
    space?.toLowerCase() === owner.toLowerCase()
  );
}
