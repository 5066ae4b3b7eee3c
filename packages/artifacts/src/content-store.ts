/**
 * Files named by their SHA-256, in a directory that is an OCI image layout (`blobs/sha256/HEX`, `oci-layout`,
 * `index.json`), so that skopeo and its like can read it. A blob is complete from the moment it has its name, and is
 * never changed or replaced; what is read is hashed while it is still the same open file.
 */
import { createHash, randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import {
  type FileHandle,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  statfs,
} from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ArtifactError, codeOf, fullOr, spool } from './spool.ts';
import { openBlob, refuseOther, verifyHandle } from './verified-read.ts';

export type StoredBlob = {
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
  readonly storedAt: Date;
};

export type ContentStore = {
  /**
   * Keeps the source under its digest; keeping it twice is the same as once.
   *
   * @param limits.maxBytes longest accepted source, in bytes; reading stops at the first byte beyond.
   * @param limits.expected SHA-256 that the source must have, 64 lower-case hexadecimal digits.
   * @throws ArtifactError `artifact-too-large`, `artifact-digest-mismatch`; `artifact-corrupt` when another content
   *   is already kept under that name; `artifact-store-full` with how much was needed; and whatever the source throws.
   *   Nothing is kept then.
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
  /** Every blob, in no order; what is still being written is none. */
  list(): Promise<readonly StoredBlob[]>;
  /** Removes a blob; one that is not there is removed already. Descriptors that are open stay good. */
  remove(digest: string): Promise<void>;
  /**
   * Takes the name from a blob that is damaged, so that the right bytes can have it, and keeps what lies there.
   *
   * @returns where it is now; null when this process may not write there, the blob is gone, or the store has no such place.
   */
  setAside(digest: string): Promise<string | null>;
  /** Bytes that the store's disk has left for this user, and has in all; null when the store is no disk. */
  space(): Promise<{ freeBytes: number; totalBytes: number } | null>;
};

/** A partial file that nobody has written to for so long belongs to a process that is gone. */
const abandonedAfterMs = 24 * 60 * 60 * 1000;

/** @param directory is made at the first `put`; a process that only reads needs no right to write there. */
export function createContentStore(directory: string): ContentStore {
  const root = resolve(directory);
  const blobs = join(root, 'blobs', 'sha256');
  const partials = join(root, 'partial');
  const aside = join(root, 'damaged');
  let prepared: Promise<void> | null = null;

  const pathOf = (digest: string): string => join(blobs, checkedDigest(digest));

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

  async function ready(): Promise<void> {
    prepared ??= prepare();
    await prepared.catch((error: unknown) => {
      prepared = null;
      throw fullOr(error, 0);
    });
  }

  async function openVerified(digest: string): Promise<{ handle: FileHandle; size: number }> {
    const handle = await openBlob(pathOf(digest), digest);
    try {
      const { size } = await verifyHandle(handle, digest);
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
      await ready();
      const partial = join(partials, randomUUID());
      const handle = await open(partial, 'wx', 0o600).catch((cause: unknown) => {
        throw fullOr(cause, 0);
      });
      try {
        const { digest, size } = await spool(source, handle, maxBytes);
        refuseUnexpected(expected, digest, size);
        await handle.chmod(0o444);
        try {
          await handle.sync();
          await keep(partial, digest);
        } catch (cause) {
          throw fullOr(cause, size);
        }
        return { digest, size };
      } finally {
        await handle.close();
        await rm(partial, { force: true });
      }
    },
    openVerified,
    async has(digest) {
      return (await lstatOrNull(pathOf(digest)))?.isFile() ?? false;
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
        const found = createHash('sha256').update(content).digest('hex');
        refuseOther(digest, found, content.length);
        return content;
      } finally {
        await handle.close();
      }
    },
    async list() {
      const names = await readdir(blobs).catch((cause: unknown) => {
        // Nothing was ever put.
        if (codeOf(cause) === 'ENOENT') return [];
        throw cause;
      });
      const found: StoredBlob[] = [];
      for (const name of names) {
        const facts = /^[0-9a-f]{64}$/.test(name) ? await lstatOrNull(join(blobs, name)) : null;
        if (facts === null) continue;
        found.push({ digest: name, size: facts.size, storedAt: facts.mtime });
      }
      return found;
    },
    async remove(digest) {
      await rm(pathOf(digest), { force: true, recursive: true });
    },
    async setAside(digest) {
      const kept = join(aside, `${checkedDigest(digest)}.${randomUUID()}`);
      try {
        await mkdir(aside, { recursive: true });
        await rename(pathOf(digest), kept);
        await syncDirectory(blobs);
        return kept;
      } catch (cause) {
        if (['ENOENT', 'EACCES', 'EPERM', 'EROFS'].includes(codeOf(cause))) return null;
        throw cause;
      }
    },
    async space() {
      await ready();
      const { bsize, bavail, blocks } = await statfs(root);
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    },
  };
}

/** @throws ArtifactError `artifact-digest-malformed`: only a digest may become part of a path or an address. */
export function checkedDigest(digest: string): string {
  if (/^[0-9a-f]{64}$/.test(digest)) return digest;
  throw new ArtifactError(
    'artifact-digest-malformed',
    '64 lower-case hexadecimal digits are expected',
  );
}

/** @throws ArtifactError `artifact-digest-mismatch` */
export function refuseUnexpected(expected: string | undefined, digest: string, size: number): void {
  if (expected === undefined || digest === expected) return;
  throw new ArtifactError(
    'artifact-digest-mismatch',
    `expected SHA-256 ${expected}, found ${digest} in ${size} bytes`,
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

async function lstatOrNull(path: string): Promise<Stats | null> {
  try {
    return await lstat(path);
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return null;
    throw cause;
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
