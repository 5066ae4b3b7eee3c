/**
 * A job's output on its way to nonprod: masked here, where its secrets are known, then sent step by step, one piece at a time.
 * Nonprod answers up to where it has decided and kept everything; what is behind that stays here and goes again, so that
 * nothing is lost when nonprod starts anew.
 */
import type { Masker, MaskedStream } from '@airlock/masking/masker';
import { createByteQueues, type ByteQueue } from './byte-queue.ts';

const maxPieceBytes = 1024 * 1024;
/** Lines that come together travel together; one that comes after so long a silence is not kept waiting. */
const gatherMs = 8;
/** What a step's log begins with is the runner's own word on its image: it travels with what the step says, if that comes soon. */
const firstMs = 25;
/** Beyond this the step waits for the log instead of the log filling this process's memory. */
const maxWaitingBytes = 2 * 1024 * 1024;

export type LogPiece = {
  readonly step: string;
  /** Of the first byte, among all masked output of the step. */
  readonly offset: number;
  /** One after the other. Whoever sends them may keep them until then: afterwards their memory is used again. */
  readonly bytes: readonly Buffer[];
  /** The step writes nothing behind this. */
  readonly isEnd: boolean;
};

export type LogStream = {
  /**
   * Takes output of a step, and keeps nothing of `bytes` itself; waits while too much of it is on its way. Throws what sending
   * threw.
   */
  write(step: string, bytes: Buffer): Promise<void>;
  /** Resolves when everything written has been taken; a report of the job is to follow. Throws what sending threw. */
  end(): Promise<void>;
};

type StepLog = {
  readonly step: string;
  readonly mask: MaskedStream;
  /** From `offset` on, what nonprod has not confirmed. */
  readonly waiting: ByteQueue;
  offset: number;
  /** How many of the waiting bytes were sent and are held back by nonprod's own masks. */
  heldBack: number;
  isEnding: boolean;
  isEnded: boolean;
};

/**
 * @param options.masker knows the job's secrets; more may be added to it before a step starts.
 * @param options.maxBytes after so much of a job the log says that it ends, and the rest is dropped.
 */
export function createLogStream(options: {
  send: (piece: LogPiece) => Promise<number>;
  masker: Masker;
  maxBytes: number;
}): LogStream {
  const steps = new Map<string, StepLog>();
  let totalBytes = 0;
  let timer: NodeJS.Timeout | null = null;
  let dueAt = Number.POSITIVE_INFINITY;
  let beganAt = Number.NEGATIVE_INFINITY;
  let sending: Promise<void> | null = null;
  let failure: Error | null = null;
  let onProgress: (() => void)[] = [];
  const newQueue = createByteQueues();
  // Asked anew each time: awaiting changes them.
  const underWay = (): Promise<void> | null => sending;
  const failed = (): Error | null => failure;
  const check = (): void => {
    const error = failed();
    if (error !== null) throw error;
  };

  function logOf(step: string): StepLog {
    const known = steps.get(step);
    if (known !== undefined) return known;
    const log = {
      ...{ step, mask: options.masker.stream(), waiting: newQueue(), offset: 0 },
      ...{ heldBack: 0, isEnding: false, isEnded: false },
    };
    steps.set(step, log);
    return log;
  }

  const hasNews = (log: StepLog): boolean =>
    log.waiting.length > log.heldBack || (log.isEnding && !log.isEnded);
  const waitingBytes = (): number => {
    let sum = 0;
    for (const log of steps.values()) sum += log.waiting.length;
    return sum;
  };

  /** Resolves when the next piece was taken, or sending has come to an end. */
  const progress = (): Promise<void> =>
    new Promise((resolve) => {
      onProgress.push(resolve);
    });
  function tellProgress(): void {
    const waiting = onProgress;
    onProgress = [];
    for (const tell of waiting) tell();
  }

  async function sendPiece(log: StepLog): Promise<void> {
    const length = Math.min(log.waiting.length, maxPieceBytes);
    const bytes = log.waiting.front(length);
    const isEnd = log.isEnding && length === log.waiting.length;
    const next = await options.send({ step: log.step, offset: log.offset, bytes, isEnd });
    const taken = Math.min(length, Math.max(0, next - log.offset));
    log.waiting.drop(taken);
    log.offset += taken;
    log.heldBack = length - taken;
    if (isEnd) log.isEnded = true;
    tellProgress();
  }

  async function sendAll(): Promise<void> {
    for (;;) {
      const ready = [...steps.values()].filter(hasNews);
      if (ready.length === 0 || failed() !== null) return;
      // Every step in turn: one that floods does not keep another's line waiting.
      for (const log of ready) await sendPiece(log);
    }
  }

  function flushBy(time: number): void {
    if (time >= dueAt) return;
    if (timer !== null) clearTimeout(timer);
    dueAt = time;
    timer = setTimeout(flush, Math.max(0, time - performance.now()));
  }

  function flush(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    dueAt = Number.POSITIVE_INFINITY;
    beganAt = performance.now();
    sending ??= sendAll()
      .catch((error: unknown) => {
        failure = error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => {
        sending = null;
        // Written while that was found to be all.
        if (failed() === null && [...steps.values()].some(hasNews)) flush();
        tellProgress();
      });
  }

  return {
    async write(step, bytes) {
      check();
      const isFirst = !steps.has(step);
      const log = logOf(step);
      if (totalBytes > options.maxBytes) return;
      totalBytes += bytes.length;
      log.waiting.push(log.mask.write(bytes));
      if (totalBytes > options.maxBytes) {
        const words = `\nThe log ends here: ${options.maxBytes} bytes is all that is kept of one job.\n`;
        log.waiting.push(Buffer.from(words));
      }
      if (log.waiting.length >= maxPieceBytes) flush();
      else flushBy(isFirst ? performance.now() + firstMs : beganAt + gatherMs);
      while (waitingBytes() > maxWaitingBytes && underWay() !== null) await progress();
      check();
    },
    async end() {
      for (const log of steps.values()) {
        const held = log.mask.end();
        // Of what was cut off it may be the beginning of a secret.
        if (totalBytes <= options.maxBytes) log.waiting.push(held);
      }
      while (underWay() !== null) await underWay();
      for (const log of steps.values()) {
        log.isEnding = true;
        // Where all of it is kept nobody waits for its end but the report, which ends every log of the job.
        log.isEnded = log.waiting.length === 0 && log.offset > 0;
      }
      flush();
      while (underWay() !== null) await underWay();
      check();
    },
  };
}
