/**
 * Reads a deploy hook's directory once, so that what was hashed is what is used. Set-up (to pin a digest), the gate's
 * checks and the deliverer read hooks here and nowhere else.
 */
import { AirlockError } from '@airlock/common/errors';
import { hookDigest, type HookFileFacts } from '@airlock/common/hook/digest';
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export type HookDirectoryErrorCode = 'hook-missing' | 'hook-unreadable';

export class HookDirectoryError extends AirlockError<HookDirectoryErrorCode> {}

export type HookDirectory = {
  /** SHA-256 as `@airlock/common/hook/digest` defines it. */
  readonly digest: string;
  readonly files: readonly (HookFileFacts & { readonly content: Buffer })[];
};

// A hook is a bundled program and a manifest; anything bigger is a mistake or an attack on memory.
const maxFiles = 64;
const maxBytes = 32 * 1024 * 1024;

/**
 * @throws HookDigestError for an empty directory or a file name outside the grammar; HookDirectoryError `hook-missing` when
 * there is no such directory, `hook-unreadable` for links, sockets, devices,
 *   more than 64 files or 32 MiB, and whatever the file system refuses.
 */
export async function readHookDirectory(directory: string): Promise<HookDirectory> {
  const files: (HookFileFacts & { content: Buffer })[] = [];
  let total = 0;

  async function walk(relative: string): Promise<void> {
    const entries = await readdir(join(directory, relative), { withFileTypes: true });
    for (const entry of entries) {
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) {
        await walk(path);
        continue;
      }
      if (!entry.isFile()) throw unreadable(`${path} is not a regular file; remove it`);
      const file = await readRegularFile(join(directory, path));
      total += file.content.length;
      if (files.length + 1 > maxFiles || total > maxBytes) {
        throw unreadable(
          `more than ${maxFiles} files or ${maxBytes} bytes; keep only what the hook runs`,
        );
      }
      files.push({ path, ...file });
    }
  }

  function unreadable(what: string, cause?: unknown): HookDirectoryError {
    return new HookDirectoryError('hook-unreadable', `hook ${directory}: ${what}`, { cause });
  }

  try {
    await walk('');
  } catch (cause) {
    if (cause instanceof HookDirectoryError) throw cause;
    if (
      cause instanceof Error &&
      'code' in cause &&
      cause.code === 'ENOENT' &&
      files.length === 0
    ) {
      throw new HookDirectoryError('hook-missing', `hook ${directory}: no such directory`, {
        cause,
      });
    }
    throw unreadable(cause instanceof Error ? cause.message : 'cannot be read', cause);
  }
  return { digest: hookDigest(files), files };
}

async function readRegularFile(
  file: string,
): Promise<{ mode: '755' | '644'; sha256: string; content: Buffer }> {
  // O_NOFOLLOW and fstat on the descriptor: the entry may have been replaced since the directory was listed.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const facts = await handle.stat();
    if (!facts.isFile() || facts.size > maxBytes) {
      throw new HookDirectoryError(
        'hook-unreadable',
        `${file}: not a regular file of at most ${maxBytes} bytes`,
      );
    }
    const content = await handle.readFile();
    return {
      mode: (facts.mode & 0o100) === 0 ? '644' : '755',
      sha256: createHash('sha256').update(content).digest('hex'),
      content,
    };
  } finally {
    await handle.close();
  }
}
