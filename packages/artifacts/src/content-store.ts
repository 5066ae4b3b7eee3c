/**
 * Files by their SHA-256, in the layout of an OCI image directory, so that skopeo or oras can read the store as it is.
 *
 * What is read was hashed through the very descriptor that is handed on: a file swapped after its check (formats, D01) is never
 * the file that is used.
 *
 * @see OCI image layout specification 1.1
 */
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { AirlockError } from '@airlock/common/errors';

export type ArtifactErrorCode =
  | 'artifact-too-large'
  | 'artifact-digest-mismatch'
  /** The file under this digest has other bytes: a disk fault or somebody's hand. */
  | 'artifact-corrupt'
  | 'artifact-missing';

export class ArtifactError extends AirlockError<ArtifactErrorCode> {}

export interface ContentStore {
  /**
   * Stores a stream, hashing while it writes; on disk for certain when it returns.
   * @throws ArtifactError `artifact-too-large` as soon as more than `maxBytes` came; `artifact-digest-mismatch`.
   */
  put(
    source: AsyncIterable<Uint8Array>,
    options: { readonly maxBytes: number; readonly expected?: string },
  ): Promise<Stored>;
  has(digest: string): Promise<boolean>;
  /**
   * Opens a file once, hashes that descriptor and gives it, at position 0. The caller closes it.
   * @throws ArtifactError `artifact-missing`, `artifact-corrupt`.
   */
  openVerified(digest: string): Promise<{ readonly handle: FileHandle; readonly size: number }>;
  /** The whole file, verified. @throws ArtifactError also `artifact-too-large`. */
  read(digest: string, maxBytes: number): Promise<Buffer>;
}

export interface Stored {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

// Node's default of 64 KiB doubles the cost of hashing a large file.
const chunkBytes = 1024 * 1024;

export function createContentStore(directory: string): ContentStore {
  const blobs = join(directory, 'blobs', 'sha256');
  const temporary = join(directory, 'tmp');
  let ready: Promise<void> | undefined;
  const prepare = (): Promise<void> => (ready ??= makeLayout(directory, blobs, temporary));

  const pathOf = (digest: string): string => {
    if (!/^[0-9a-f]{64}$/.test(digest))
      throw new ArtifactError('artifact-missing', 'a SHA-256 of 64 hexadecimal digits expected');
    return join(blobs, digest);
  };

  const store: ContentStore = {
    async put(source, { maxBytes, expected }) {
      await prepare();
      const file = join(temporary, randomUUID());
      const handle = await open(file, 'wx', 0o444);
      try {
        const { digest, size } = await writeHashed(handle, source, maxBytes);
        if (expected !== undefined && digest !== expected) {
          throw new ArtifactError(
            'artifact-digest-mismatch',
            `expected sha256:${expected}, received sha256:${digest}`,
          );
        }
        await handle.sync();
        await publish(file, pathOf(digest), size);
        await syncDirectory(blobs);
        return { digest, size };
      } finally {
        await handle.close();
        await rm(file, { force: true });
      }
    },

    async has(digest) {
      const found = await stat(pathOf(digest)).catch(() => null);
      return found?.isFile() === true;
    },

    async openVerified(digest) {
      const handle = await open(pathOf(digest), constants.O_RDONLY | constants.O_NOFOLLOW).catch(
        (cause: unknown) => {
          throw new ArtifactError('artifact-missing', `sha256:${digest} is not in the store`, {
            cause,
          });
        },
      );
      try {
        const { hash, size } = await hashOf(handle);
        if (hash !== digest)
          throw new ArtifactError(
            'artifact-corrupt',
            `the file named ${digest} has the digest ${hash}; restore it`,
          );
        return { handle, size };
      } catch (error) {
        await handle.close();
        throw error;
      }
    },

    async read(digest, maxBytes) {
      const { handle, size } = await store.openVerified(digest);
      try {
        if (size > maxBytes)
          throw new ArtifactError(
            'artifact-too-large',
            `at most ${maxBytes} bytes expected, found ${size}`,
          );
        const buffer = Buffer.alloc(size);
        await handle.read(buffer, 0, size, 0);
        // Read again after hashing: only what is in memory now counts.
        if (createHash('sha256').update(buffer).digest('hex') !== digest) {
          throw new ArtifactError(
            'artifact-corrupt',
            `the file named ${digest} changed while it was read`,
          );
        }
        return buffer;
      } finally {
        await handle.close();
      }
    },
  };
  return store;
}

async function makeLayout(directory: string, blobs: string, temporary: string): Promise<void> {
  await mkdir(blobs, { recursive: true });
  await mkdir(temporary, { recursive: true });
  const once = async (name: string, content: unknown): Promise<void> => {
    await writeFile(join(directory, name), JSON.stringify(content), { flag: 'wx' }).catch(
      (error: unknown) => {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      },
    );
  };
  await once('oci-layout', { imageLayoutVersion: '1.0.0' });
  await once('index.json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [],
  });
}

async function writeHashed(
  handle: FileHandle,
  source: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Stored> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > maxBytes)
      throw new ArtifactError('artifact-too-large', `at most ${maxBytes} bytes are taken`);
    hash.update(chunk);
    await writeWhole(handle, chunk);
  }
  return { digest: hash.digest('hex'), size };
}

async function writeWhole(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) at += (await handle.write(chunk, at)).bytesWritten;
}

/** Gives the file its name, never in place of another: same digest means same bytes, unless the old one is damaged. */
async function publish(file: string, target: string, size: number): Promise<void> {
  try {
    await link(file, target);
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
    if ((await stat(target)).size !== size) {
      throw new ArtifactError(
        'artifact-corrupt',
        `${target} is there already with another size; remove it and try again`,
        { cause },
      );
    }
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function hashOf(handle: FileHandle): Promise<{ hash: string; size: number }> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(chunkBytes);
  let size = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, chunkBytes, size);
    if (bytesRead === 0) return { hash: hash.digest('hex'), size };
    hash.update(buffer.subarray(0, bytesRead));
    size += bytesRead;
  }
}
