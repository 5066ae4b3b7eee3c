/** Reads a ustar archive held in memory: regular files only, names by grammar. An evidence archive has nothing else. */
import { CliError, exitCode } from './exit-codes.ts';

const block = 512;
const name = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$/;

const field = (header: Buffer, from: number, length: number): string => {
  const bytes = header.subarray(from, from + length);
  const end = bytes.indexOf(0);
  return bytes.subarray(0, end === -1 ? length : end).toString('latin1');
};

/** @throws CliError `failedCheck` for a truncated archive, anything but a regular file, a bad name or a name twice. */
export function readTar(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  let at = 0;
  for (;;) {
    const header = archive.subarray(at, at + block);
    if (header.length < block) throw altered('the archive is truncated');
    if (header.every((byte) => byte === 0)) return files;
    const path = field(header, 0, 100);
    const size = Number.parseInt(field(header, 124, 12), 8);
    const type = field(header, 156, 1);
    if (
      type !== '0' ||
      !name.test(path) ||
      path.includes('..') ||
      files.has(path) ||
      !Number.isSafeInteger(size)
    ) {
      throw altered(`the archive holds something that evidence does not: ${JSON.stringify(path)}`);
    }
    const content = archive.subarray(at + block, at + block + size);
    if (content.length !== size) throw altered('the archive is truncated');
    files.set(path, content);
    at += block + Math.ceil(size / block) * block;
  }
}

const altered = (message: string): CliError => new CliError(exitCode.failedCheck, message);
