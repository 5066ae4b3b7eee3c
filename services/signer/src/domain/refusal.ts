export type RefusalCode =
  | 'repository-unknown'
  | 'ref-not-main'
  | 'ref-is-main'
  | 'commit-not-on-main'
  | 'commit-not-first-parent'
  | 'pipeline-missing'
  | 'release-missing'
  | 'times-reversed'
  | 'text-not-ascii'
  /** No runner vouches for the run. */
  | 'run-unsigned'
  | 'run-malformed'
  | 'run-key-unknown'
  | 'run-key-not-valid'
  | 'run-key-not-allowed'
  | 'run-signature-invalid'
  /** Nonprod's record of the run is not what the runner attests. */
  | 'subject-differs'
  | 'repository-differs'
  | 'ref-differs'
  | 'commit-differs'
  | 'pipeline-differs'
  | 'invocation-differs'
  /** The build had the rights of the runner's own user. */
  | 'isolation-none'
  /** What was built is not the tree that the commit names, or carried another time. */
  | 'tree-differs'
  | 'source-time-differs'
  /** Steps were told more than a push to main tells them. */
  | 'event-not-push'
  | 'variables-given'
  /** What ran is not what the files at the commit say. */
  | 'plan-differs'
  | 'plan-not-derivable';

export type Refusal = { readonly code: RefusalCode; readonly detail: string };
