/** Audit files of Vault, plain or gzipped, one or many, as lines in the order of their times. */
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { readAuditLine, type ReadLine } from '@airlock/verify/vault-audit/audit-line';
import { CliError, exitCode } from './exit-codes.ts';

/** Vault writes a request's data into its line; what it takes is at most 32 MiB, and ours is a few kilobytes. */
const longestLineBytes = 4 * 1024 * 1024;

export type PlacedLine = { readonly line: ReadLine; readonly where: string };

/**
 * Merges the files by time: rotated ones may be given in any order, and nodes of one cluster log side by side. Holds one line
 * of each file.
 *
 * @throws CliError `usage` for a file that cannot be read.
 */
export async function* auditLines(files: readonly string[]): AsyncGenerator<PlacedLine> {
  const sources = await Promise.all(
    files.map(async (file) => {
      const lines = linesOf(file);
      return { lines, next: (await lines.next()).value, at: 0 };
    }),
  );
  for (;;) {
    let earliest: (typeof sources)[number] | undefined;
    for (const source of sources) {
      const { next } = source;
      if (next === undefined) continue;
      // What cannot be read has no time: it stays beside the line before it.
      if (next.line.type !== 'unreadable') source.at = next.line.at.getTime();
      if (earliest === undefined || source.at < earliest.at) earliest = source;
    }
    if (earliest?.next === undefined) return;
    yield earliest.next;
    const read = await earliest.lines.next();
    earliest.next = read.done === true ? undefined : read.value;
  }
}

async function* linesOf(file: string): AsyncGenerator<PlacedLine, undefined> {
  let number = 0;
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const placed = (line: ReadLine): PlacedLine => ({ line, where: `${file}:${number}` });
  const unreadable = (why: string): PlacedLine => placed({ type: 'unreadable', why });
  try {
    for await (const bytes of split(await bytesOf(file))) {
      number += 1;
      if (bytes === 'too-long') {
        yield unreadable(`is longer than ${longestLineBytes} bytes`);
        continue;
      }
      // Vault writes none; one at the end is what an editor leaves.
      if (bytes.length === 0) continue;
      let text: string;
      try {
        text = decoder.decode(bytes);
      } catch {
        yield unreadable('is not UTF-8');
        continue;
      }
      yield placed(readAuditLine(text));
    }
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    number += 1;
    yield unreadable(
      `cannot be read from here on (${cause instanceof Error ? cause.message : 'unknown'})`,
    );
  }
  return undefined;
}

async function bytesOf(file: string): Promise<AsyncIterable<Buffer>> {
  try {
    const handle = await open(file);
    const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    const stream = handle.createReadStream({ start: 0, highWaterMark: 256 * 1024 });
    if (buffer[0] !== 0x1f || buffer[1] !== 0x8b) return stream;
    const unzipped = createGunzip({ chunkSize: 256 * 1024 });
    stream.on('error', (error) => unzipped.destroy(error));
    return stream.pipe(unzipped);
  } catch (cause) {
    throw new CliError(
      exitCode.usage,
      `${file} cannot be read; name an existing file of Vault's audit log`,
      { cause },
    );
  }
}

/** Lines without their line feeds; one that is too long is let go while it is read. */
async function* split(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer | 'too-long'> {
  let parts: Buffer[] = [];
  let length = 0;
  const add = (part: Buffer): void => {
    length += part.length;
    if (length > longestLineBytes) parts = [];
    else parts.push(part);
  };
  const line = (): Buffer | 'too-long' => {
    const whole = length > longestLineBytes ? 'too-long' : Buffer.concat(parts);
    parts = [];
    length = 0;
    return whole;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      add(chunk.subarray(start, end));
      yield line();
      start = end + 1;
    }
    add(chunk.subarray(start));
  }
  if (length > 0) yield line();
}
