/** Reads a blob from one open file: what was hashed is what is handed on. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { ArtifactError, chunkBytes, codeOf } from './spool.ts';

/**
 * A link under a blob's name could lead anywhere, and a pipe would never end: neither is opened.
 *
 * @throws ArtifactError `artifact-missing`, `artifact-corrupt`, `artifact-store-failed`
 */
export async function openBlob(path: string, digest: string): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let handle: FileHandle;
  try {
    handle = await open(path, flags);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'ENOENT') {
      throw new ArtifactError('artifact-missing', `there is no ${digest} in the store`, { cause });
    }
    // A socket cannot be opened either (ENXIO).
    if (code === 'ELOOP' || code === 'ENXIO') {
      throw new ArtifactError('artifact-corrupt', `${digest} is no regular file (${code})`, {
        cause,
      });
    }
    throw new ArtifactError('artifact-store-failed', `${digest} cannot be opened (${code})`, {
      cause,
    });
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new ArtifactError('artifact-corrupt', `${digest} is not a regular file`);
}

/**
 * Hashes a whole open file; it still stands at its first byte afterwards.
 *
 * @throws ArtifactError `artifact-corrupt`
 */
export async function verifyHandle(handle: FileHandle, digest: string): Promise<{ size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of positionalChunks(handle)) {
    hash.update(chunk);
    size += chunk.length;
  }
  refuseOther(digest, hash.digest('hex'), size);
  return { size };
}

/** @throws ArtifactError `artifact-corrupt` when the two differ. */
export function refuseOther(digest: string, found: string, size: number): void {
  if (found === digest) return;
  throw new ArtifactError(
    'artifact-corrupt',
    `the ${size} bytes kept as ${digest} have the SHA-256 ${found}; ` +
      'remove that blob and fetch the artifact again',
  );
}

/**
 * The content of an open file from its first byte, by position: whoever else reads the descriptor is not disturbed. Each
 * chunk holds good until the next one is asked for.
 */
export async function* positionalChunks(handle: FileHandle): AsyncGenerator<Buffer> {
  let [current, ahead] = [Buffer.allocUnsafeSlow(chunkBytes), Buffer.allocUnsafeSlow(chunkBytes)];
  let position = 0;
  let reading = handle.read(current, 0, chunkBytes, position);
  try {
    for (;;) {
      const { bytesRead } = await reading;
      if (bytesRead === 0) return;
      position += bytesRead;
      // The next chunk is read while this one is looked at.
      reading = handle.read(ahead, 0, chunkBytes, position);
      yield current.subarray(0, bytesRead);
      [current, ahead] = [ahead, current];
    }
  } finally {
    // Not left behind for a caller who closes the file.
    await reading.catch(() => {});
  }
}
