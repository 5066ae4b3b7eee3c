export type SandboxBind = {
  /**
   * Absolute path on the host, not a symbolic link. When this process is root, a writable source that root owns is handed
   * to the sandbox's account, and a read-only one must be readable by everybody.
   */
  source: string;
  target: string;
  /** Default false. */
  writable?: boolean;
};

/**
 * The programs and libraries that a sandbox shows: this machine's own /usr, or an unpacked root file system, whose path
 * follows the rules of {@link SandboxBind.source}.
 */
export type SandboxRoot = 'host' | { readonly directory: string };

/** A loopback that several sandboxes share (`network.ts`), and nothing else. */
export type SandboxNetwork = {
  /** A process of this machine that is in it for as long as it is open. */
  readonly holder: number;
  /** Whether somebody in it listens at a TCP port. */
  listens(port: number): Promise<boolean>;
  /** Resolves when its holder is gone. Sandboxes that are still in it keep it until they end. */
  close(): Promise<void>;
};

export type SandboxLimits = {
  /** Seconds until everything in the sandbox is killed; fractions allowed. */
  wallSeconds: number;
  /** Size of the largest single file that may be written, in bytes. */
  fileBytes: number;
  processes: number;
  openFiles: number;
  /**
   * Of everything in the sandbox together, in bytes, what it writes to /tmp and /dev/shm included. Left out: no bound, and no
   * control group is made.
   */
  memoryBytes?: number | undefined;
  /** Processors' worth of time, such as 1.5. Only with `memoryBytes`. Default: no bound. */
  cpus?: number | undefined;
};

export type SandboxOptions = {
  /** Program (absolute, or found by PATH in `env`) and its arguments. */
  command: readonly string[];
  /** The whole environment. */
  env: Readonly<Record<string, string>>;
  /** Default: this machine's programs. */
  root?: SandboxRoot;
  binds: readonly SandboxBind[];
  /** Read-only files in memory; their bytes never touch the host's disk nor any command line. */
  files: readonly { target: string; content: Buffer }[];
  /** Descriptors the command finds open, numbered 10 to 200: bytes as a file in memory, or an open file of this process. */
  inheritFds?: readonly { fd: number; source: Buffer | number }[];
  workingDirectory: string;
  hostname: string;
  /** Shared with the other sandboxes in it. Left out: a network of its own, in which nobody else is. */
  network?: SandboxNetwork | undefined;
  /** Further names of the address 127.0.0.1: letters, digits, `.`, `_` and `-`. */
  loopbackNames?: readonly string[];
  limits: SandboxLimits;
  /** A promise holds the stream back until it settles, so that a flood of output waits instead of filling memory. */
  onOutput: (stream: 'stdout' | 'stderr', chunk: Buffer) => void | Promise<void>;
  /** Kills everything in the sandbox. */
  signal?: AbortSignal | undefined;
  /** Asks everything in the sandbox to end (SIGTERM), and kills what is left `graceSeconds` later. */
  cancelled?: AbortSignal | undefined;
  /** 0 to 600. Default 10. */
  graceSeconds?: number | undefined;
};

export type SandboxResult = {
  /** `signalled` also when a shell inside reports by its exit code (128 + n) that its child was. */
  outcome: 'exited' | 'signalled' | 'timed-out' | 'cancelled';
  exitCode: number | null;
  signal: string | null;
  durationMs: number;
  /** What was wanted beyond the limits, as far as the kernel says; the command may have gone on without it. */
  exceeded: readonly ('memory' | 'processes' | 'disk')[];
  /** What held the command, in words that go into the attestation of a build. */
  enforced: string[];
};
