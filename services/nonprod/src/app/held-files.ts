import type { PlanFiles } from '@airlock/pipeline/plan-files';
import { filesDigestOf } from '../domain/held-run.ts';
import type { PullRequestFacts } from '../domain/pull-request.ts';
import type { SourceMirror } from './ports.ts';
import { baseFiles } from './prepare-run.ts';
import type { WaitingRun } from './release-ports.ts';
import type { PullRequestStore } from './trust-ports.ts';

/** The two sets of files that a held run may follow, as the mirror has them now. */
export interface HeldFiles {
  readonly base: PlanFiles;
  /** Tip of the base branch; null when there is no such branch. */
  readonly baseCommit: string | null;
  readonly baseBranch: string;
  readonly own: PlanFiles;
  readonly digest: string;
  readonly pullRequest: PullRequestFacts | null;
}

export function createReadHeldFiles(ports: {
  readonly mirrors: { of(repository: string): Pick<SourceMirror, 'head' | 'planFiles'> };
  readonly pullRequests: PullRequestStore;
  mainBranchOf(repository: string): Promise<string>;
}): (run: WaitingRun) => Promise<HeldFiles> {
  const { mirrors, pullRequests } = ports;
  return async (run) => {
    const mirror = mirrors.of(run.repository);
    const facts =
      run.pullRequest === null ? null : await pullRequests.facts(run.repository, run.pullRequest);
    const baseBranch =
      facts?.headCommit === run.commit
        ? facts.baseBranch
        : await ports.mainBranchOf(run.repository);
    const base = await baseFiles(mirror, baseBranch);
    const own = await mirror.planFiles(run.commit);
    const digest = filesDigestOf({ base: base.files, own });
    return {
      ...{ base: base.files, baseCommit: base.commit, baseBranch, own, digest },
      pullRequest: facts,
    };
  };
}
