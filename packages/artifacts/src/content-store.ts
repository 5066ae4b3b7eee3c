/**
 * Files named by their SHA-256, in a directory that is an OCI image layout (`blobs/sha256/HEX`, `oci-layout`,
 * `index.json`), so that skopeo and its like can read it. A blob is complete from the moment it has its name, and is
 * never changed or replaced; what is read is hashed while it is still the same open file.
 */
import { AirlockError } from '@airlock/common/errors';
import { createHash, type Hash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

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
  | 'artifact-store-failed';

export class ArtifactError extends AirlockError<ArtifactErrorCode> {}

export type ContentStore = {
  /**
   * Keeps the source under its digest; keeping it twice is the same as once.
   *
   * @param limits.maxBytes longest accepted source, in bytes; reading stops at the first byte beyond.
   * @param limits.expected SHA-256 that the source must have, 64 lower-case hexadecimal digits.
   * @throws ArtifactError `artifact-too-large`, `artifact-digest-mismatch`; `artifact-corrupt` when another content
   *   is already kept under that name; and whatever the source throws. Nothing is kept then.
   */
  put(
    source: AsyncIterable<Uint8Array>,
    limits: { maxBytes: number; expected?: string },
  ): Promise<{ digest: string; size: number }>;
  /**
   * Opens a blob for reading from its first byte, after the whole of that open file was hashed. The caller closes it.
   *
   * @throws ArtifactError `artifact-missing`, `artifact-corrupt`
   */
  openVerified(digest: string): Promise<{ handle: FileHandle; size: number }>;
  /** Whether there is a blob of that name; its content is not looked at. */
  has(digest: string): Promise<boolean>;
  /** @throws ArtifactError `artifact-missing`, `artifact-corrupt`, `artifact-too-large` */
  read(digest: string, maxBytes: number): Promise<Buffer>;
};

/** With Node's default of 64 KiB, hashing costs twice the time. */
const chunkBytes = 1 << 20;
/** A partial file that nobody has written to for so long belongs to a process that is gone. */
const abandonedAfterMs = 24 * 60 * 60 * 1000;

/** @param directory is made at the first `put`; a process that only reads needs no right to write there. */
export function createContentStore(directory: string): ContentStore {
  const root = resolve(directory);
  const blobs = join(root, 'blobs', 'sha256');
  const partials = join(root, 'partial');
  let prepared: Promise<void> | null = null;

  function pathOf(digest: string): string {
    if (!/^[0-9a-f]{64}$/.test(digest)) {
      throw new ArtifactError(
        'artifact-digest-malformed',
        '64 lower-case hexadecimal digits are expected',
      );
    }
    return join(blobs, digest);
  }

  async function prepare(): Promise<void> {
    await mkdir(blobs, { recursive: true });
    await mkdir(partials, { recursive: true });
    await writeOnce(join(root, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    await writeOnce(
      join(root, 'index.json'),
      '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}',
    );
    await removeAbandoned(partials);
  }

  async function openVerified(digest: string): Promise<{ handle: FileHandle; size: number }> {
    const handle = await openBlob(pathOf(digest), digest);
    try {
      const { size } = await hashHandle(handle, digest);
      return { handle, size };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async function keep(partial: string, digest: string): Promise<void> {
    try {
      await link(partial, pathOf(digest));
      await syncDirectory(blobs);
    } catch (cause) {
      if (codeOf(cause) !== 'EEXIST') throw cause;
      // Somebody was first. Only the same content may have this name, which has to be seen and not assumed.
      const { handle } = await openVerified(digest);
      await handle.close();
    }
  }

  return {
    async put(source, { maxBytes, expected }) {
      if (expected !== undefined) pathOf(expected);
      prepared ??= prepare();
      await prepared.catch((error: unknown) => {
        prepared = null;
        throw error;
      });
      const partial = join(partials, randomUUID());
      const handle = await open(partial, 'wx', 0o600);
      try {
        const { digest, size } = await copy(source, handle, maxBytes);
        if (expected !== undefined && digest !== expected) {
          throw new ArtifactError(
            'artifact-digest-mismatch',
            `expected SHA-256 ${expected}, found ${digest} in ${size} bytes`,
          );
        }
        await handle.chmod(0o444);
        await handle.sync();
        await keep(partial, digest);
        return { digest, size };
      } finally {
        await handle.close();
        await rm(partial, { force: true });
      }
    },
    openVerified,
    async has(digest) {
      try {
        return (await lstat(pathOf(digest))).isFile();
      } catch (cause) {
        if (codeOf(cause) === 'ENOENT') return false;
        throw cause;
      }
    },
    async read(digest, maxBytes) {
      const handle = await openBlob(pathOf(digest), digest);
      try {
        const { size } = await handle.stat();
        if (size > maxBytes) {
          throw new ArtifactError(
            'artifact-too-large',
            `${digest} has ${size} bytes, allowed are ${maxBytes}`,
          );
        }
        const content = await handle.readFile();
        // The very bytes that are returned are hashed, not the file once more.
        refuseOther(digest, createHash('sha256').update(content), content.length);
        return content;
      } finally {
        await handle.close();
      }
    },
  };
}

async function copy(
  source: AsyncIterable<Uint8Array>,
  handle: FileHandle,
  maxBytes: number,
): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new ArtifactError('artifact-too-large', `longer than the allowed ${maxBytes} bytes`);
    }
    hash.update(chunk);
    await handle.appendFile(chunk);
  }
  return { digest: hash.digest('hex'), size };
}

/** A link under a blob's name could lead anywhere, and a pipe would never end: neither is opened. */
async function openBlob(path: string, digest: string): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let handle: FileHandle;
  try {
    handle = await open(path, flags);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'ENOENT') {
      throw new ArtifactError('artifact-missing', `there is no ${digest} in the store`, { cause });
    }
    if (code === 'ELOOP') {
      throw new ArtifactError('artifact-corrupt', `${digest} is a link and not a file`, { cause });
    }
    throw new ArtifactError('artifact-store-failed', `${digest} cannot be opened (${code})`, {
      cause,
    });
  }
  if ((await handle.stat()).isFile()) return handle;
  await handle.close();
  throw new ArtifactError('artifact-corrupt', `${digest} is not a regular file`);
}

async function hashHandle(handle: FileHandle, digest: string): Promise<{ size: number }> {
  const hash = createHash('sha256');
  const chunk = Buffer.allocUnsafe(chunkBytes);
  let size = 0;
  // By position, so that the handle itself still stands at the first byte.
  for (;;) {
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, size);
    if (bytesRead === 0) break;
    hash.update(chunk.subarray(0, bytesRead));
    size += bytesRead;
  }
  refuseOther(digest, hash, size);
  return { size };
}

function refuseOther(digest: string, hash: Hash, size: number): void {
  const found = hash.digest('hex');
  if (found === digest) return;
  throw new ArtifactError(
    'artifact-corrupt',
    `the ${size} bytes kept as ${digest} have the SHA-256 ${found}; ` +
      'remove that file and fetch the artifact again',
  );
}

async function writeOnce(path: string, text: string): Promise<void> {
  const partial = `${path}.${randomUUID()}`;
  const handle = await open(partial, 'wx', 0o444);
  try {
    await handle.writeFile(text);
    await handle.sync();
    await link(partial, path);
  } catch (cause) {
    if (codeOf(cause) !== 'EEXIST') throw cause;
  } finally {
    await handle.close();
    await rm(partial, { force: true });
  }
}

/** Without this a power cut may lose the name of a file whose content is safe. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeAbandoned(partials: string): Promise<void> {
  for (const name of await readdir(partials)) {
    const file = join(partials, name);
    try {
      if (Date.now() - (await stat(file)).mtimeMs > abandonedAfterMs) await rm(file);
    } catch (cause) {
      // Its writer was still there after all, and has just finished.
      if (codeOf(cause) !== 'ENOENT') throw cause;
    }
  }
}

const codeOf = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
