/**
 * Directories that are there again in a later run. What is kept and what is restored is looked at, packed and unpacked inside
 * the isolation, so that a link in it leads nowhere but into the workspace. A cache that cannot be had never fails a step.
 */
import { createHash } from 'node:crypto';
import { chmod, open, rm } from 'node:fs/promises';
import { cacheKeyOf, type CacheOrigin, type CacheWritten } from '@airlock/common/wire/cache';
import type { PlanCache } from '@airlock/common/wire/run-plan';
import type { Isolation } from './isolation/isolation.ts';
import type { Workspace } from './workspace.ts';

/** Where caches are between runs. What it throws ends the build. */
export type CacheStore = {
  /** Writes the tar that is found by the key into a new file; null: there is none. A text: it cannot be had, and why. */
  fetch(key: string, to: string): Promise<CacheOrigin | string | null>;
  keep(entry: {
    readonly key: string;
    readonly file: string;
    readonly digest: string;
    readonly size: number;
  }): Promise<CacheWritten>;
};

export type CachingStep = {
  readonly name: string;
  readonly image: string;
  readonly caches?: readonly PlanCache[];
};

/** Restores what a step keeps; the answer is called once the step has passed. */
export type Caches = (
  step: CachingStep,
  say: (line: string) => Promise<void>,
) => Promise<() => Promise<void>>;

/** Where nothing is kept: a rebuilder's answer counts because it had the source and nothing else. */
export const noCaches: Caches = async ({ caches = [] }, say) => {
  for (const { path } of caches) await say(`cache ${path}: none here, made anew`);
  return () => Promise.resolve();
};

const seconds = 600;
const exits = { there: 65, missing: 66, refused: 67 } as const;

// `$1` the directory, then the files of its key: one line of SHA-256 each.
const probe = `p=$1; shift
if [ -e "$p" ] || [ -L "$p" ]; then exit ${exits.there}; fi
for f; do [ -f "$f" ] || { echo "$f"; exit ${exits.missing}; }; sha256sum < "$f" || exit 1; done`;

// `look DIRECTORY`: it holds regular files, directories, and links that stay in the workspace.
const check = `look() {
[ -d "$1" ] && [ ! -L "$1" ] || { echo "it is no directory" >&2; return ${exits.refused}; }
odd=$(find "$1" ! -type f ! -type d ! -type l -print -quit) || return 1
[ -z "$odd" ] || { echo "$odd is no file, directory or link" >&2; return ${exits.refused}; }
root=$(pwd -P)
ends=$(find "$1" -type l -exec realpath -m -- {} +) || return 1
[ -n "$ends" ] || return 0
printf '%s\\n' "$ends" | while IFS= read -r to; do
case $to in "$root"/*) ;; *) echo "a link leads to $to, out of the workspace" >&2; exit ${exits.refused};; esac
done
}`;
const pack = `${check}
look "$1" || exit
exec tar --hard-dereference --sort=name -c -f - -- "$1"`;
// What `pack` never makes was made by somebody else: a second name of a file of the source, a file that runs as its owner, one
// that is all hole.
const unpack = `${check}
sound() {
odd=$(find "$1" -type f \\( -links +1 -o -perm /6000 -o -size "+$2c" \\) -print -quit) || return 1
[ -z "$odd" ] || { echo "$odd has a second name, a set-user-ID bit or more than $2 bytes" >&2; return ${exits.refused}; }
}
umask 022
tar -x -f "$AIRLOCK_INPUT" -- "$1" && look "$1" && sound "$1" "$2" || { code=$?; rm -rf -- "$1"; exit $code; }`;

class CacheFault extends Error {}

export function createCaches(options: {
  readonly isolation: Pick<Isolation, 'run'>;
  readonly workspace: Workspace;
  /** Of the source, under the workspace. */
  readonly directory: string;
  readonly store: CacheStore;
  /** Whether what the workflow makes is released: its log says that it depends on a cache. */
  readonly isReleased: boolean;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}): Caches {
  const { isolation, workspace, directory, store, maxBytes, signal } = options;
  let files = 0;
  // Steps that run side by side would otherwise unpack into one directory at once.
  let turn: Promise<unknown> = Promise.resolve();

  async function inside(
    script: string,
    args: readonly string[],
    given: { writable: boolean; input?: string; onBytes?: (chunk: Buffer) => Promise<void> },
  ): Promise<{ exitCode: number | null; output: string; complaint: string }> {
    const { writable, input, onBytes } = given;
    let [output, complaint] = ['', ''];
    const { exitCode, outcome } = await isolation.run({
      command: ['/bin/sh', '-c', script, 'sh', ...args],
      ...{ env: {}, workspace: workspace.path, directory, writable, wallSeconds: seconds, signal },
      ...(input === undefined ? {} : { input }),
      onOutput: async (stream, chunk) => {
        if (stream === 'stderr') complaint = (complaint + chunk.toString()).slice(0, 300);
        else if (onBytes === undefined) output = (output + chunk.toString()).slice(0, 10_000);
        else await onBytes(chunk);
      },
    });
    signal.throwIfAborted();
    return { exitCode, output, complaint: complaint.trim().replaceAll('\n', '; ') || outcome };
  }

  /** A path beside the workspace, for one use. */
  async function withFile<T>(work: (file: string) => Promise<T>): Promise<T> {
    const file = workspace.beside(`cache-${(files += 1)}.tar`);
    try {
      return await work(file);
    } finally {
      await rm(file, { force: true });
    }
  }

  /** What to say, and the key under which it is to be kept, if any. */
  async function restore(
    step: CachingStep,
    cache: PlanCache,
  ): Promise<{ line: string; key: string | null }> {
    const { path } = cache;
    if (!/^[\x20-\x7e]{1,200}$/.test(cache.key)) {
      return { line: 'not used: its key is not 1 to 200 letters, digits and signs', key: null };
    }
    const looked = await inside(probe, [path, ...cache.files], { writable: false });
    if (looked.exitCode === exits.there) return { line: 'there already', key: null };
    if (looked.exitCode === exits.missing) {
      return { line: `not used: ${looked.output.trim()} of its key is no file`, key: null };
    }
    const digests = looked.output.match(/^[0-9a-f]{64}/gm) ?? [];
    if (looked.exitCode !== 0 || digests.length !== cache.files.length) {
      return { line: `not used: ${looked.complaint}`, key: null };
    }
    const named = cache.files.map((file, at) => [file, digests[at] ?? ''] as const);
    const key = cacheKeyOf({ image: step.image, path, key: cache.key, files: named });
    return await withFile(async (file) => {
      const found = await store.fetch(key, file);
      if (found === null) return { line: 'none yet for this key', key };
      if (typeof found === 'string') return { line: `not restored: ${found}`, key: null };
      if (!(await isPlainTar(file))) return { line: 'not restored: it is no tar', key: null };
      await chmod(file, 0o644);
      const bytes = String(maxBytes);
      const done = await inside(unpack, [path, bytes], { writable: true, input: file });
      if (done.exitCode !== 0) return { line: `not restored: ${done.complaint}`, key: null };
      const depends = options.isReleased
        ? '; what this workflow releases may depend on it, a rebuild goes without'
        : '';
      const line = `restored from build #${found.run} (level ${found.level})${depends}`;
      return { line, key: null };
    });
  }

  async function keep(path: string, key: string): Promise<string> {
    return await withFile(async (file) => {
      const hash = createHash('sha256');
      let size = 0;
      const handle = await open(file, 'wx', 0o600);
      try {
        const packed = await inside(pack, [path], {
          writable: false,
          onBytes: async (chunk) => {
            size += chunk.length;
            if (size > maxBytes) throw new CacheFault(`it has more than ${maxBytes} bytes`);
            hash.update(chunk);
            await handle.writeFile(chunk);
          },
        });
        if (packed.exitCode !== 0) return `not written: ${packed.complaint}`;
      } catch (cause) {
        if (!(cause instanceof CacheFault)) throw cause;
        return `not written: ${cause.message}`;
      } finally {
        await handle.close();
      }
      const { why } = await store.keep({ key, file, digest: hash.digest('hex'), size });
      return why === null ? `written, ${size} bytes` : `not written: ${why}`;
    });
  }

  return async (step, say) => {
    const missed: { path: string; key: string }[] = [];
    const restoring = turn.then(async () => {
      for (const cache of step.caches ?? []) {
        const { line, key } = await restore(step, cache);
        await say(`cache ${cache.path}: ${line}`);
        if (key !== null) missed.push({ path: cache.path, key });
      }
    });
    turn = restoring.catch(() => {});
    await restoring;
    return async () => {
      for (const { path, key } of missed) await say(`cache ${path}: ${await keep(path, key)}`);
    };
  };
}

/** `tar` would unpack a compressed one too, and that has no bound. */
async function isPlainTar(path: string): Promise<boolean> {
  const handle = await open(path, 'r');
  try {
    const { buffer } = await handle.read(Buffer.alloc(5), 0, 5, 257);
    return buffer.toString('latin1') === 'ustar';
  } finally {
    await handle.close();
  }
}
