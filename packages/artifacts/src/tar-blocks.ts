/** Tar block by block, as all formats since the oldest have it: a header, content padded with zeros, two blocks at the end. */
import { ArchiveError } from './archive-error.ts';
import type { ByteReader } from './byte-reader.ts';

/** Gets the content of a file, chunk by chunk, and is told when that was all. */
export type MemberSink = { chunk(bytes: Buffer): void; end(): void };

const chunkBytes = 1 << 20;

export const blockBytes = 512;
/** Largest size that eleven octal digits can say. */
export const maxOctal = 0o77777777777;

/** What says more of a member than its header can is longer than this only in an attack. */
const maxExtensionBytes = 64 * 1024;

/** Whether a block is the header of a member: its checksum is right, magic or not (the oldest tar has none). */
export function isTarHeader(block: Buffer): boolean {
  if (block.length < blockBytes || block.every((byte) => byte === 0)) return false;
  return parseOctal(block, 148, 8) === checksum(block);
}

/**
 * Whether some reader of tar would take a block for the header of a member. GNU tar and libarchive also take a checksum over
 * signed bytes; what only such a reader reads is refused, and not passed as something that is no tar.
 */
export function mayBeTarHeader(block: Buffer): boolean {
  if (block.length < blockBytes) return false;
  if (isTarHeader(block) || block.toString('latin1', 257, 262) === 'ustar') return true;
  const negative = block.filter((byte) => byte >= 0x80).length;
  return negative > 0 && parseOctal(block, 148, 8) === checksum(block) - 256 * negative;
}

export const typeFlag = (header: Buffer): string => String.fromCharCode(header[156] ?? 0);

/** Up to the first NUL. */
export function field(header: Buffer, at: number, length: number): Buffer {
  const whole = header.subarray(at, at + length);
  const end = whole.indexOf(0);
  return end === -1 ? whole : whole.subarray(0, end);
}

/** Digits with spaces before and a space or NUL after them; null when it is something else. */
export function parseOctal(header: Buffer, at: number, length: number): number | null {
  const digits = /^ *([0-7]+)(?:[ \0].*)?$/s.exec(header.toString('latin1', at, at + length))?.[1];
  return digits === undefined ? null : Number.parseInt(digits, 8);
}

/** Octal, or GNU's base-256 for what octal cannot say. */
export function parseSize(header: Buffer): number | null {
  if (header[124] !== 0x80) return parseOctal(header, 124, 12);
  const value = BigInt(`0x${header.toString('hex', 125, 136)}`);
  return value > maxOctal && value <= Number.MAX_SAFE_INTEGER ? Number(value) : null;
}

function checksum(header: Buffer): number {
  let sum = 0;
  // The checksum's own eight bytes count as spaces.
  for (let at = 0; at < blockBytes; at += 1) sum += at >= 148 && at < 156 ? 32 : (header[at] ?? 0);
  return sum;
}

/** Content of a header that says more of the member after it. @throws ArchiveError `E_ARCHIVE_FORMAT` */
export async function readExtension(reader: ByteReader, header: Buffer): Promise<Buffer> {
  const size = parseSize(header) ?? malformed('a header that extends another has no size');
  if (size > maxExtensionBytes) malformed(`a header of ${size} bytes that extends another`);
  const padded = Math.ceil(size / blockBytes) * blockBytes;
  const bytes = await reader.read(padded);
  if (bytes.length < padded) malformed('it is cut short within a header');
  return bytes.subarray(0, size);
}

/**
 * Takes the content of a member and its padding.
 *
 * @throws ArchiveError `E_ARCHIVE_FORMAT` when it is cut short.
 */
export async function readContent(
  reader: ByteReader,
  { path, size }: { readonly path: string; readonly size: number },
  sink: MemberSink | null,
): Promise<void> {
  for (let left = size; left > 0;) {
    const bytes = await reader.take(Math.min(left, chunkBytes));
    if (bytes === null) malformed(`it is cut short within ${JSON.stringify(path)}`);
    sink?.chunk(bytes);
    left -= bytes.length;
  }
  sink?.end();
  const padding = (blockBytes - (size % blockBytes)) % blockBytes;
  if ((await reader.read(padding)).length < padding) {
    malformed(`it is cut short after ${JSON.stringify(path)}`);
  }
}

/** One block of zeros was read. A second must follow, and after it nothing but more of them. */
export async function readEnd(reader: ByteReader): Promise<void> {
  if ((await reader.peek(blockBytes)).length < blockBytes) {
    malformed('it is cut short within its end');
  }
  for (;;) {
    const bytes = await reader.take(chunkBytes);
    if (bytes === null) return;
    if (bytes.some((byte) => byte !== 0)) malformed('something follows its end');
  }
}

function malformed(what: string): never {
  throw new ArchiveError('E_ARCHIVE_FORMAT', what);
}
