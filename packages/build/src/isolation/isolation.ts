/** How the commands of a job are kept apart from this machine. */
import type { IsolationMode } from '@airlock/common/wire/isolation';
import type { SandboxResult } from '@airlock/sandbox/bubblewrap';
import type { Catalogue, CatalogueImage } from './catalogue.ts';

/** One command of a job, with the job's workspace as its home. */
export type IsolatedCommand = {
  command: readonly string[];
  /** Whose programs it sees. Default: the catalogue's base. */
  image?: CatalogueImage;
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
  mode: IsolationMode;
  /** What a step may name as its image. */
  catalogue: Catalogue;
  /** Resolves when every process the command started is gone. */
  run(command: IsolatedCommand): Promise<SandboxResult>;
};
