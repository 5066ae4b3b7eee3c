/** What a forge says of a pull request, in a verified webhook or over its API. Git itself knows none of it. */
export interface PullRequestFacts {
  readonly number: number;
  /** The head that these facts were told of; of another head they say nothing. */
  readonly headCommit: string;
  /** Repository that the head lies in; null when the forge does not tell, or it was deleted. */
  readonly headRepository: string | null;
  /** Branch that it shall be merged into. */
  readonly baseBranch: string;
  /** By the id that the forge never gives to another account; a name can be taken over. */
  readonly author: {
    readonly provider: string;
    readonly id: string;
    readonly name: string;
  } | null;
  /** True when the head lies in another repository than the base. */
  readonly isFork: boolean;
}

/** Refs under which forges keep heads that anybody with an account can make. */
const pullRequestRef = /^refs\/(?:pull|pull-requests|merge-requests|changes)\//;

export function isPullRequestRef(ref: string): boolean {
  return pullRequestRef.test(ref);
}
