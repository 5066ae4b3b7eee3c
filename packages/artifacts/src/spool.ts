/** Writes a stream to an open file and hashes it on the way: what was hashed is what was written. */
import { AirlockError } from '@airlock/common/errors';
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

export type ArtifactErrorCode =
  /** The source is longer than allowed; nothing was kept. */
  | 'artifact-too-large'
  /** The source is not what was expected; nothing was kept. */
  | 'artifact-digest-mismatch'
  /** No blob of that digest. */
  | 'artifact-missing'
  /** The file under that name does not have that content: altered, cut short, or not a regular file. */
  | 'artifact-corrupt'
  | 'artifact-digest-malformed'
  /** The disk, the quota of its user or the limit of a file is reached; nothing was kept. */
  | 'artifact-store-full'
  | 'artifact-store-failed';

export class ArtifactError extends AirlockError<ArtifactErrorCode> {}

/** With Node's default of 64 KiB, hashing and writing cost twice the time. */
export const chunkBytes = 1 << 20;
/** So often the disk is told to begin, or the last flush would wait for all of it. */
const flushEveryBytes = 64 << 20;

/**
 * Reads `source` to its end or to the first byte beyond `maxBytes`. Memory: two chunks of 1 MiB, whatever the length.
 *
 * @throws ArtifactError `artifact-too-large`, `artifact-store-full`; what the source throws.
 */
export async function spool(
  source: AsyncIterable<Uint8Array>,
  handle: FileHandle,
  maxBytes: number,
): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256');
  let filling = Buffer.allocUnsafeSlow(chunkBytes);
  let resting = Buffer.allocUnsafeSlow(chunkBytes);
  let filled = 0;
  let size = 0;
  let flushedTo = 0;
  let under: Promise<void> = Promise.resolve();

  /** The disk writes what is full while it is hashed here and the other buffer fills. */
  async function flush(): Promise<void> {
    await under;
    const bytes = filling.subarray(0, filled);
    const at = size - filled;
    const isDue = size - flushedTo >= flushEveryBytes;
    if (isDue) flushedTo = size;
    under = writeAll(handle, bytes, at, isDue);
    // Awaited at the next flush; until then a failure is nobody's accident.
    under.catch(() => {});
    hash.update(bytes);
    [filling, resting] = [resting, filling];
    filled = 0;
  }

  try {
    for await (const chunk of source) {
      if (size + chunk.length > maxBytes) {
        throw new ArtifactError('artifact-too-large', `longer than the allowed ${maxBytes} bytes`);
      }
      for (let at = 0; at < chunk.length;) {
        const part = chunk.subarray(at, at + chunkBytes - filled);
        filling.set(part, filled);
        filled += part.length;
        size += part.length;
        at += part.length;
        if (filled === chunkBytes) await flush();
      }
    }
    await flush();
    await under;
  } catch (cause) {
    // No write may go on behind a caller who closes the file.
    await under.catch(() => {});
    throw fullOr(cause, size);
  }
  return { digest: hash.digest('hex'), size };
}

async function writeAll(
  handle: FileHandle,
  bytes: Buffer,
  position: number,
  flush: boolean,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
  if (flush) await handle.datasync();
}

const fullCodes: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota of this user is used up',
  EFBIG: 'the limit for one file (ulimit -f) is reached',
};

/** Says of a full disk what it is; any other cause is given back. */
export function fullOr(cause: unknown, size: number): unknown {
  const code = codeOf(cause);
  const what = Object.hasOwn(fullCodes, code) ? fullCodes[code] : undefined;
  if (what === undefined) return cause;
  return new ArtifactError(
    'artifact-store-full',
    `${what} with an artifact of at least ${size} bytes; free that much and more, then it is taken again`,
    { cause },
  );
}

export const codeOf = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
