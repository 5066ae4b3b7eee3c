import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { AirlockError } from '@airlock/common/errors';
import type { Isolation } from './isolation/isolation.ts';

export type CollectErrorCode =
  /** More names than are looked through. */
  | 'listing-too-long'
  /** What came out of the workspace is not what was asked for. */
  | 'collect-failed';
export class CollectError extends AirlockError<CollectErrorCode> {}

export type CollectedFile = {
  /** As it stands in the workspace, relative to the directory. */
  readonly path: string;
  /** On this machine. */
  readonly file: string;
  readonly digest: string;
  readonly size: number;
};

export type Collected = {
  readonly files: readonly CollectedFile[];
  /** Wanted and not kept, one sentence each. */
  readonly left: readonly string[];
};

export type CollectOptions = {
  readonly isolation: Pick<Isolation, 'run'>;
  readonly workspace: string;
  /** Under the workspace; null: the workspace itself. */
  readonly directory: string | null;
  /** Files and directories below which is looked, relative to the directory; '' is the directory. */
  readonly roots: readonly string[];
  readonly wanted: (path: string) => boolean;
  readonly limits: {
    readonly files: number;
    readonly fileBytes: number;
    readonly totalBytes: number;
  };
  /** The file on this machine that receives the bytes of the n-th. */
  readonly to: (index: number) => string;
  readonly signal: AbortSignal;
};

const maxListingBytes = 16 * 1024 ** 2;
const wallSeconds = 120;

// find follows no link, and a root that is reached by one is none of the build's own files.
const listing = `root=$(pwd -P); for at; do
[ "$(realpath -e -- "$root/$at" 2>/dev/null)" = "$root\${at:+/}$at" ] || continue
find -P "./$at" -type f -print0; done; exit 0`;

// Each file as a line with its size and so many bytes; a line "-" for what is no regular file, "+" for what is too large.
const reading = `most=$1; shift; root=$(pwd -P); for at; do
if [ "$(realpath -e -- "$at" 2>/dev/null)" != "$root/$at" ] || [ ! -f "$at" ]; then echo -; continue; fi
size=$(stat -c %s -- "$at") || exit 1
if [ "$size" -gt "$most" ]; then echo +; continue; fi
echo "$size"; head -c "$size" -- "$at" || exit 1; done`;

/**
 * Reads regular files out of a workspace, from inside the isolation: whatever the build made of their names and of the
 * directories above them leads nowhere else. No link is followed. In the order of their names.
 *
 * @throws CollectError; whatever the isolation throws.
 */
export async function collectFiles(options: CollectOptions): Promise<Collected> {
  const { limits } = options;
  const names = (await list(options)).filter(options.wanted).sort();
  const chosen = names.slice(0, limits.files);
  const left = names
    .slice(limits.files)
    .map((path) => `${path} was not kept: at most ${limits.files} files are`);
  if (chosen.length === 0) return { files: [], left };
  const read = createFrames(chosen, options);
  try {
    await runInside(
      options,
      ['/bin/sh', '-c', reading, 'sh', String(limits.fileBytes), ...chosen],
      {
        onBytes: (chunk) => read.take(chunk),
      },
    );
    return { files: read.files(), left: [...left, ...read.left] };
  } finally {
    await read.close();
  }
}

async function list(options: CollectOptions): Promise<string[]> {
  const chunks: Buffer[] = [];
  let size = 0;
  await runInside(options, ['/bin/sh', '-c', listing, 'sh', ...options.roots], {
    onBytes: (chunk) => {
      size += chunk.length;
      if (size > maxListingBytes) {
        throw new CollectError(
          'listing-too-long',
          `the names of the files below ${options.roots.map((root) => root || '.').join(' and ')} have more than ${maxListingBytes} bytes; name a narrower directory`,
        );
      }
      chunks.push(chunk);
    },
  });
  const names = Buffer.concat(chunks)
    .toString('utf8')
    .split('\0')
    .map((name) => name.replace(/^(\.\/)+/, ''));
  return [...new Set(names.filter(isPlain))];
}

/** Names with control characters, or that are no UTF-8, are no one's to name in a file. */
function isPlain(name: string): boolean {
  return name !== '' && name.length <= 1024 && !/[\p{Cc}\uFFFD]/u.test(name);
}

async function runInside(
  { isolation, workspace, directory, signal }: CollectOptions,
  command: readonly string[],
  given: { onBytes: (chunk: Buffer) => void | Promise<void> },
): Promise<void> {
  let complaint = '';
  const result = await isolation.run({
    ...{ command, workspace, signal, wallSeconds, env: {}, writable: false },
    ...(directory === null ? {} : { directory }),
    onOutput: async (stream, chunk) => {
      if (stream === 'stdout') await given.onBytes(chunk);
      else complaint = (complaint + chunk.toString()).slice(0, 500);
    },
  });
  if (result.exitCode === 0) return;
  throw new CollectError(
    'collect-failed',
    `files could not be read out of the workspace: ${complaint.trim() || result.outcome}`,
  );
}

/** Takes apart what `reading` writes, and believes nothing of it: it reads a workspace that a build has made. */
function createFrames(
  paths: readonly string[],
  { limits, to }: Pick<CollectOptions, 'limits' | 'to'>,
) {
  const done: CollectedFile[] = [];
  const left: string[] = [];
  let index = 0;
  let header = '';
  let total = 0;
  let current: { handle: FileHandle; hash: ReturnType<typeof createHash>; size: number } | null =
    null;
  let missing = 0;

  const strayed = (): never => {
    throw new CollectError('collect-failed', 'a file changed while it was read');
  };

  async function begin(path: string): Promise<void> {
    if (header === '-') left.push(`${path} was not kept: it is no regular file`);
    else if (header === '+') {
      left.push(`${path} was not kept: it has more than ${limits.fileBytes} bytes`);
    } else {
      const size = /^(0|[1-9]\d{0,12})$/.test(header) ? Number(header) : strayed();
      total += size;
      if (size > limits.fileBytes) strayed();
      if (total > limits.totalBytes) {
        throw new CollectError(
          'collect-failed',
          `the files have more than ${limits.totalBytes} bytes together; write fewer or smaller ones`,
        );
      }
      current = { handle: await openNew(to(index)), hash: createHash('sha256'), size };
      missing = size;
      return;
    }
    index += 1;
  }

  async function end(path: string): Promise<void> {
    if (current === null) return;
    const { handle, hash, size } = current;
    current = null;
    await handle.close();
    done.push({ path, file: to(index), digest: hash.digest('hex'), size });
    index += 1;
  }

  return {
    left,
    async take(chunk: Buffer): Promise<void> {
      let at = 0;
      while (at < chunk.length) {
        const path = paths[index];
        if (path === undefined) return strayed();
        if (current === null) {
          const line = chunk.indexOf(0x0a, at);
          header += chunk.toString('latin1', at, line === -1 ? chunk.length : line);
          if (header.length > 32) strayed();
          if (line === -1) return;
          at = line + 1;
          await begin(path);
          header = '';
        } else {
          const part = chunk.subarray(at, at + missing);
          current.hash.update(part);
          await current.handle.writeFile(part);
          missing -= part.length;
          at += part.length;
        }
        if (missing === 0) await end(path);
      }
    },
    files(): readonly CollectedFile[] {
      return index === paths.length && current === null ? done : strayed();
    },
    async close(): Promise<void> {
      await current?.handle.close();
    },
  };
}

function openNew(path: string): Promise<FileHandle> {
  return open(path, 'wx', 0o600);
}
