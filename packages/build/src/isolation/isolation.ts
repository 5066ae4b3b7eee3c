/** How the commands of a job are kept apart from this machine. */
import type { SandboxResult } from '@airlock/sandbox/bubblewrap';

/** One command of a job, with the job's workspace as its home. */
export type IsolatedCommand = {
  command: readonly string[];
  /** Environment beside HOME, PATH and CI_WORKSPACE, which the isolation sets. */
  env: Readonly<Record<string, string>>;
  /** Absolute path of the workspace on this machine. */
  workspace: string;
  /** False: the command can read the workspace and not change it. */
  writable: boolean;
  /** A file of this machine that the command finds as `$AIRLOCK_INPUT`. */
  input?: string;
  wallSeconds: number;
  onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => void | Promise<void>;
  signal: AbortSignal;
};

export type Isolation = {
  mode: 'bubblewrap' | 'none';
  /** Resolves when every process the command started is gone. */
  run(command: IsolatedCommand): Promise<SandboxResult>;
};
