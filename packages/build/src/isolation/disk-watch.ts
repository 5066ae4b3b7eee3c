/** The bound on a workspace that lies in an ordinary directory, where no quota holds it. */
import { lstat, readdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';

const lookMs = 250;
const firstCountMs = 5000;
const countAgainMs = 60_000;

export type DiskLimits = { readonly workspaceBytes: number; readonly workspaceFiles: number };
export type DiskUse = { readonly bytes: number; readonly files: number };

/**
 * Calls `exceeded` once, when what lies below `directory` is more than the limits. Counting files is dear, so that it looks at
 * the free space of the file system, and counts when that has shrunk by as much as is left, and once a minute. Between two
 * looks a command can write more; `limits.fileBytes` and the free space of the disk bound by how much.
 *
 * @returns what ends the watch, and waits for a count that goes on.
 */
export function watchDisk(
  directory: string,
  limits: DiskLimits,
  exceeded: () => void,
): () => Promise<void> {
  const startedAt = performance.now();
  let known: { use: DiskUse; at: number; free: DiskUse } | null = null;
  let first: DiskUse | null = null;
  let ended = false;
  let looking: Promise<void> | null = null;

  const look = async (): Promise<void> => {
    const free = await freeSpace(directory);
    first ??= free;
    const now = performance.now();
    if (known === null) {
      const isQuick =
        first.bytes - free.bytes < limits.workspaceBytes / 4 &&
        first.files - free.files < limits.workspaceFiles / 4;
      if (isQuick && now - startedAt < firstCountMs) return;
    } else {
      const { use, at } = known;
      const isBelow =
        use.bytes + known.free.bytes - free.bytes < limits.workspaceBytes &&
        use.files + known.free.files - free.files < limits.workspaceFiles;
      if (isBelow && now - at < countAgainMs) return;
      // A neighbour fills the same disk: do not count without end for it.
      if (now - at < 4 * lookMs) return;
    }
    const use = await countBelow(directory, limits, () => ended);
    known = { use, at: performance.now(), free };
    if (use.bytes <= limits.workspaceBytes && use.files <= limits.workspaceFiles) return;
    if (!ended) exceeded();
    ended = true;
  };
  const timer = setInterval(() => {
    if (ended) clearInterval(timer);
    else looking ??= look().finally(() => (looking = null));
  }, lookMs);
  return async () => {
    ended = true;
    clearInterval(timer);
    await looking;
  };
}

async function freeSpace(directory: string): Promise<DiskUse> {
  const { bavail, bsize, ffree } = await statfs(directory);
  return { bytes: bavail * bsize, files: ffree };
}

/** Bytes on disk and entries below a directory; ends early once a limit is passed or it shall stop. */
async function countBelow(
  directory: string,
  limits: DiskLimits,
  shallStop: () => boolean,
): Promise<DiskUse> {
  let [bytes, files] = [0, 0];
  const waiting = [directory];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (shallStop() || bytes > limits.workspaceBytes || files > limits.workspaceFiles) break;
    // Gone or closed since it was seen: the command goes on while this counts.
    const entries = await readdir(next, { withFileTypes: true }).catch(() => []);
    files += entries.length;
    for (const entry of entries) {
      const path = join(next, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      else bytes += await bytesOf(path);
    }
  }
  return { bytes, files };
}

async function bytesOf(path: string): Promise<number> {
  const facts = await lstat(path).catch(() => null);
  return (facts?.blocks ?? 0) * 512;
}
