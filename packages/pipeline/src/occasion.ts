/** What happened to a repository, in the words of Woodpecker's conditions. */
import type { RunEvent } from '@airlock/common/wire/runner-protocol';
import type { Occasion } from './condition.ts';

export interface HeadFacts {
  readonly event: RunEvent;
  /** Of a pull request: the branch it wants to be merged into. */
  readonly branch: string;
  readonly pullRequest: number | null;
}

/** Which event a ref stands for; null for refs that are not built. */
export function headFacts(ref: string, defaultBranch: string): HeadFacts | null {
  const branch = /^refs\/heads\/(.+)$/.exec(ref)?.[1];
  if (branch !== undefined) return { event: 'push', branch, pullRequest: null };
  const number = /^refs\/pull\/([1-9]\d{0,8})\/head$/.exec(ref)?.[1];
  if (number === undefined) return null;
  return { event: 'pull_request', branch: defaultBranch, pullRequest: Number(number) };
}

/** With what is not given unknown: no tag, no list of changed files, no schedule. */
export function occasionOf(
  known: Pick<Occasion, 'event' | 'branch'> & Partial<Occasion>,
): Occasion {
  return {
    ref: known.event === 'push' ? `refs/heads/${known.branch}` : '',
    ...{ tag: null, sourceBranch: null, changedFiles: null, cron: null, repository: '' },
    environment: {},
    ...known,
  };
}

/** The variables that conditions may ask for, those of the occasion itself among them. */
export function withOwnVariables(occasion: Occasion): Occasion {
  const { event, branch, ref, tag, sourceBranch, repository } = occasion;
  const own = {
    CI_PIPELINE_EVENT: event,
    CI_COMMIT_BRANCH: branch,
    CI_COMMIT_REF: ref,
    CI_COMMIT_TAG: tag ?? '',
    CI_COMMIT_SOURCE_BRANCH: sourceBranch ?? '',
    CI_COMMIT_TARGET_BRANCH: event.startsWith('pull_request') ? branch : '',
    CI_REPO: repository,
    CI_REPO_NAME: repository.slice(repository.lastIndexOf('/') + 1),
    CI_REPO_OWNER: repository.slice(0, Math.max(0, repository.lastIndexOf('/'))),
  };
  return { ...occasion, environment: { ...own, ...occasion.environment } };
}

/** `[skip ci]` and `[ci skip]` in the message of what was pushed: no run. */
export function skipsRun(event: RunEvent, message: string): boolean {
  return (
    (event === 'push' || event.startsWith('pull_request')) &&
    /\[(?:ci *skip|skip *ci)\]/i.test(message)
  );
}
