import type { LogChunk } from '@airlock/common/wire/runner-protocol';

const maxChunkBytes = 64 * 1024;
const maxDelayMs = 100;
// Beyond this the job waits for the log instead of the log filling this process's memory.
const maxQueuedBytes = 512 * 1024;

export type LogStream = {
  /** Takes output of a step; waits while too much of it is on its way. Throws what sending threw. */
  write(step: string, bytes: Buffer): Promise<void>;
  /** Resolves when everything written has been taken. Throws what sending threw. */
  end(): Promise<void>;
};

/**
 * Sends a job's output in chunks of at most 64 KiB, at most 100 ms after it was written, one at a time and numbered.
 *
 * @param options.maxBytes after so much of a job the log says that it ends, and the rest is dropped.
 */
export function createLogStream(options: {
  send: (chunk: Omit<LogChunk, 'lease'>) => Promise<void>;
  maxBytes: number;
}): LogStream {
  let step = '';
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let queuedBytes = 0;
  let totalBytes = 0;
  let sequence = 0;
  let timer: NodeJS.Timeout | null = null;
  let sending = Promise.resolve();
  const failed: { error: Error | null } = { error: null };

  function flush(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const bytes = Buffer.concat(waiting);
    waiting = [];
    waitingBytes = 0;
    for (let at = 0; at < bytes.length; at += maxChunkBytes) {
      enqueue(bytes.subarray(at, at + maxChunkBytes));
    }
  }

  function enqueue(bytes: Buffer): void {
    const chunk = { step, sequence, bytes: bytes.toString('base64') };
    sequence += 1;
    queuedBytes += bytes.length;
    sending = sending.then(async () => {
      try {
        if (failed.error === null) await options.send(chunk);
      } catch (error) {
        failed.error = error instanceof Error ? error : new Error(String(error));
      }
      queuedBytes -= bytes.length;
    });
  }

  return {
    async write(name, bytes) {
      if (failed.error !== null) throw failed.error;
      if (totalBytes > options.maxBytes) return;
      totalBytes += bytes.length;
      const text =
        totalBytes > options.maxBytes
          ? Buffer.from(
              `\nThe log ends here: ${options.maxBytes} bytes is all that is kept of one job.\n`,
            )
          : bytes;
      if (name !== step) flush();
      step = name;
      waiting.push(text);
      waitingBytes += text.length;
      if (waitingBytes >= maxChunkBytes) flush();
      else timer ??= setTimeout(flush, maxDelayMs);
      if (queuedBytes > maxQueuedBytes) await sending;
    },
    async end() {
      flush();
      await sending;
      if (failed.error !== null) throw failed.error;
    },
  };
}
