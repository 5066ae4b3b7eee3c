/** What the escape kit is told about this machine, so that it can tell the machine from the sandbox. */
export type HostFacts = {
  /** Stands in this process's environment, and in no other place. */
  readonly marker: string;
  readonly pid: number;
  /** When that process started, as /proc counts: another one may have its number inside. */
  readonly startTime: string;
  /** A TCP port that this machine listens at on its loopback. */
  readonly port: number;
  /** An abstract unix socket, and one with a path, that this machine listens at. */
  readonly abstractSocket: string;
  readonly socketPath: string;
  /** Files that nobody but this process shall read: configuration, keys, another job's. */
  readonly secretFiles: readonly string[];
  /** Of this process: kind to `kind:[inode]`. */
  readonly namespaces: Readonly<Record<string, string>>;
  /** A directory that the kit may write to, as it sees it. */
  readonly workspace: string;
};

/** What each probe found, in words that are the same on every machine where the sandbox holds. */
export type KitFindings = Readonly<Record<string, string>>;
