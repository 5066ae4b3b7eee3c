import { AirlockError } from '@airlock/common/errors';

export type GitErrorCode =
  /** The remote does not answer, refuses us, or was too slow; what the mirror has is as old as before. */
  | 'git-unreachable'
  /** Main does not continue from where it was: history was rewritten or main is gone. A person must look. */
  | 'git-rewound'
  /** The remote sent an object that git's own checks refuse. */
  | 'git-fsck'
  /** The mirror would grow beyond its quota; what had arrived is removed, and main has not moved. */
  | 'git-quota'
  /** A local command failed, timed out, or the mirror is not there or damaged. */
  | 'git-failed'
  /** More output than is accepted. */
  | 'git-too-large'
  /** A commit, ref or path that is not written as one: full 40 digits, `refs/…`, relative. */
  | 'git-name-refused'
  | 'configuration-git-missing'
  | 'configuration-git-url';

export class GitError extends AirlockError<GitErrorCode> {}
