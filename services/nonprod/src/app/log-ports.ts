/** Logs of steps: who writes them, who reads them. A log belongs to one attempt: a new lease starts new ones. */

export interface LogName {
  readonly jobId: string;
  /** Of the job; what an attempt under an earlier lease wrote stays readable. */
  readonly lease: number;
  readonly step: string;
}

export interface LogChunk {
  /** Position of the first byte among all that the runner has for this step. */
  readonly offset: number;
  /** Whoever takes them copies what is to stay: their sender uses the memory again. */
  readonly bytes: Uint8Array;
  /** The step writes nothing after this. */
  readonly isEnd: boolean;
}

export interface LogWriter {
  /**
   * Takes what it does not have yet; the same bytes twice are kept once. Where bytes are missing the log says so: they were
   * confirmed, and the machine lost them with its power.
   *
   * @returns up to where everything is decided and kept; what is behind that has to come again.
   */
  append(name: LogName, chunk: LogChunk): Promise<number>;
  /** Ends every log of the attempt; what was written is on the disk when this resolves. */
  close(attempt: Pick<LogName, 'jobId' | 'lease'>): Promise<void>;
}

export interface LogSize {
  readonly bytes: number;
  /** The last one counts also when it has not ended. */
  readonly lines: number;
  readonly isOpen: boolean;
}

export interface LogLine {
  /** 1 or more. */
  readonly n: number;
  /** What stood there in the end, without its line end; at most 8192 characters. */
  readonly text: string;
  /** How often the line was rewritten by carriage returns. */
  readonly updates: number;
  /** Bytes that are not in `text` because the line is longer. */
  readonly cutBytes: number;
  /** When the end of the line was received; null when that was lost with the machine. */
  readonly at: Date | null;
}

export interface LogReader {
  /** Null: there is none, or it was deleted. */
  size(name: LogName): Promise<LogSize | null>;
  /** Lines `from` to `from + count - 1`, those of them that there are. */
  lines(name: LogName, from: number, count: number): Promise<readonly LogLine[]>;
  /** The same, of all that follow unless told, in groups that are read as they are needed, of some 256 KiB at most. */
  follow(name: LogName, from: number, count?: number): AsyncGenerator<readonly LogLine[]>;
  /** The bytes as they were kept. */
  raw(name: LogName): AsyncGenerator<Buffer>;
  /** Every log of a job, the newest attempt last. */
  list(jobId: string): Promise<readonly LogName[]>;
  /** Calls back whenever the log grew or ended; returns how to stop that. */
  watch(name: LogName, changed: () => void): () => void;
}

export interface LogHold {
  readonly reason: string;
  readonly placedBy: string;
  readonly placedAt: Date;
}

export interface LogPolicyStore {
  hold(runId: string): Promise<LogHold | null>;
  place(runId: string, hold: Pick<LogHold, 'reason' | 'placedBy'>): Promise<void>;
  lift(runId: string): Promise<void>;
  /** When the logs of the run's jobs were deleted, by job. */
  deletions(runId: string): Promise<ReadonlyMap<string, Date>>;
  /** Those of the jobs whose logs have been kept long enough. */
  expired(
    jobIds: readonly string[],
    limits: { readonly mainRef: string; readonly mainBefore: Date; readonly otherBefore: Date },
  ): Promise<readonly string[]>;
  recordDeletion(jobId: string, bytes: number): Promise<void>;
  /** @param bytes of all logs of the job together, as they came. */
  recordKept(jobId: string, bytes: number): Promise<void>;
}
