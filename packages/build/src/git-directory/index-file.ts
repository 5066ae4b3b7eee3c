/** Git's index (gitformat-index(5), version 2) of a work tree whose files all have one time. */
import { createHash } from 'node:crypto';
import type { Directory, File } from '../git-tree.ts';

/**
 * With `core.checkStat` minimal and `core.trustCtime` off git compares time, size and mode alone, so that a work tree is clean
 * without any of its files being read.
 *
 * @param time of every file, in seconds since 1970.
 */
export function indexFile(root: Directory, time: number): Buffer {
  const files = filesOf(root, '').sort((a, b) => (a.path < b.path ? -1 : 1));
  const header = Buffer.from('DIRC\0\0\0\x02\0\0\0\0', 'latin1');
  header.writeUInt32BE(files.length, 8);
  const body = Buffer.concat([header, ...files.map(({ path, file }) => entry(path, file, time))]);
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}

function filesOf(directory: Directory, prefix: string): { path: string; file: File }[] {
  return [...directory].flatMap(([name, child]) =>
    child instanceof Map
      ? filesOf(child, `${prefix}${name}/`)
      : [{ path: `${prefix}${name}`, file: child }],
  );
}

const fixedBytes = 62;
const longestNamed = 0xfff;

function entry(path: string, { mode, id, size }: File, time: number): Buffer {
  const name = Buffer.from(path, 'latin1');
  // At least one NUL, and a multiple of eight altogether.
  const bytes = Buffer.alloc(Math.ceil((fixedBytes + name.length + 1) / 8) * 8);
  bytes.writeUInt32BE(time % 2 ** 32, 8);
  bytes.writeUInt32BE(Number.parseInt(mode, 8), 24);
  bytes.writeUInt32BE(size % 2 ** 32, 36);
  id.copy(bytes, 40);
  bytes.writeUInt16BE(Math.min(name.length, longestNamed), 60);
  name.copy(bytes, fixedBytes);
  return bytes;
}
