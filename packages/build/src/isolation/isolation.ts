/** How the commands of a job are kept apart from this machine. */
import type { IsolationMode } from '@airlock/common/wire/isolation';
import type { SandboxResult } from '@airlock/sandbox/bubblewrap';
import type { Catalogue, CatalogueImage } from './catalogue.ts';
import type { StepLimits } from './limits.ts';

/** One command of a job, with the job's workspace as its home. */
export type IsolatedCommand = {
  command: readonly string[];
  /** Whose programs it sees. Default: the catalogue's base. */
  image?: CatalogueImage;
  /** Environment beside HOME, PATH and CI_WORKSPACE, which the isolation sets. */
  env: Readonly<Record<string, string>>;
  /** Absolute path of the workspace on this machine. */
  workspace: string;
  /** Where the command starts, and what CI_WORKSPACE names: a directory under the workspace. Default: the workspace itself. */
  directory?: string;
  /** False: the command can read the workspace and not change it. */
  writable: boolean;
  /** A file of this machine that the command finds as `$AIRLOCK_INPUT`. */
  input?: string;
  /** Directories of this machine that it sees, read-only; only bubblewrap and podman can show them. Default: none. */
  shown?: readonly { readonly source: string; readonly target: string }[];
  /** True: it may connect to what the builder's configuration allows. Default false. */
  egress?: boolean;
  /** Lower than the builder's own. */
  limits?: StepLimits | undefined;
  wallSeconds: number;
  onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => void | Promise<void>;
  signal: AbortSignal;
  /** The command is asked to end and has ten seconds for it; bubblewrap alone can ask, elsewhere it is as `signal`. */
  cancelled?: AbortSignal;
};

export type Isolation = {
  mode: IsolationMode;
  /** What a step may name as its image. */
  catalogue: Catalogue;
  /** Resolves when every process the command started is gone. */
  run(command: IsolatedCommand): Promise<SandboxResult>;
  /**
   * A network for commands that reach one another, and nobody else: a port that one of them listens at on 127.0.0.1 is found
   * by the others there.
   *
   * @param names that lead to 127.0.0.1 in it, where the mode can do that.
   */
  openNetwork(names: readonly string[]): Promise<IsolatedNetwork>;
};

/** Whoever opened it closes it, after the commands in it ended. */
export type IsolatedNetwork = Pick<Isolation, 'run'> & {
  /** Whether somebody in it listens at a TCP port. */
  listens(port: number): Promise<boolean>;
  close(): Promise<void>;
};

/** For modes that cannot ask a command to end. */
export const endOf = ({
  signal,
  cancelled,
}: Pick<IsolatedCommand, 'signal' | 'cancelled'>): AbortSignal =>
  cancelled === undefined ? signal : AbortSignal.any([signal, cancelled]);
