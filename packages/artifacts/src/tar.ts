/**
 * Reads a tar archive as a stream: ustar, with the long names of PAX (POSIX.1-2001) and GNU. Where readers of tar are known
 * to disagree it refuses rather than picks a side, because the hook that unpacks it is another reader: a size in a PAX header
 * that differs from the header's own (CVE-2025-62518), a name said twice, anything after the end.
 */
import { ArchiveError } from './archive-error.ts';
import type { ByteReader } from './byte-reader.ts';
import { createNameJudge, decodeName, type MemberType } from './member-names.ts';
import { parsePaxRecords, type PaxRecords } from './pax.ts';

export type TarMember = {
  /** Without leading `./` and trailing `/`; `.` is the root itself. */
  readonly path: string;
  readonly type: MemberType;
  /** In bytes; 0 for a directory. */
  readonly size: number;
  /** Permission bits, 0 to 0o1777: members with setuid or setgid are refused. */
  readonly mode: number;
};

/** Gets the content of a file, chunk by chunk, and is told when that was all. */
export type MemberSink = { chunk(bytes: Buffer): void; end(): void };

const blockBytes = 512;
const chunkBytes = 1 << 20;
/** What says more of a member than its header can is longer than this only in an attack. */
const maxExtensionBytes = 64 * 1024;
/** Largest size that eleven octal digits can say. */
const maxOctal = 0o77777777777;

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

/**
 * Goes through all members in order.
 *
 * @param visit gets each member before its content and says who gets that; null when nobody wants it.
 * @throws ArchiveError for what is not to be unpacked; whatever the reader throws.
 */
export async function readTar(
  reader: ByteReader,
  limits: { maxEntries: number },
  visit: (member: TarMember) => MemberSink | null,
): Promise<void> {
  const judgeName = createNameJudge();
  let entries = 0;
  for (;;) {
    const extensions = await readExtensions(reader);
    if (extensions === null) return readEnd(reader);
    const { header, pax, gnuName } = extensions;
    entries += 1;
    if (entries > limits.maxEntries) {
      throw new ArchiveError('E_ARCHIVE_SIZE', `more than ${limits.maxEntries} members`);
    }
    const name = nameOf(header, pax, gnuName);
    const type = typeOf(header, name);
    const mode = parseOctal(header, 100, 8) ?? malformed(`member ${quote(name)} has no mode`);
    if ((mode & 0o6000) !== 0) {
      refuse(name, `would run as its owner wherever it is unpacked (mode ${mode.toString(8)})`);
    }
    if (pax.capabilities) refuse(name, 'carries file capabilities');
    const size = sizeOf(header, pax, name);
    if (type === 'directory' && size !== 0) malformed(`directory ${quote(name)} has content`);
    const member = { path: judgeName(name, type), type, size, mode: mode & 0o1777 };
    await readContent(reader, member, visit(member));
  }
}

type Extended = { header: Buffer; pax: PaxRecords; gnuName: string | null };

const noPax: PaxRecords = { path: null, size: null, capabilities: false };

/** The next member's header, with what the headers before it say of it; null at the end. */
async function readExtensions(reader: ByteReader): Promise<Extended | null> {
  let pax: PaxRecords | null = null;
  let gnuName: string | null = null;
  for (;;) {
    const header = await reader.read(blockBytes);
    if (header.length < blockBytes) malformed('it is cut short: no end of archive');
    if (header.every((byte) => byte === 0)) {
      if (pax !== null || gnuName !== null) malformed('its last name belongs to no member');
      return null;
    }
    if (!isTarHeader(header)) malformed('a header has the wrong checksum');
    switch (typeFlag(header)) {
      case 'x':
        if (pax !== null) malformed('two PAX headers for one member');
        pax = parsePaxRecords(await readExtension(reader, header));
        break;
      case 'g': {
        // As `git archive` writes one for its commit. What it says of names would hold for every member after it.
        const global = parsePaxRecords(await readExtension(reader, header));
        if (global.path !== null || global.size !== null || global.capabilities) {
          malformed('a PAX header names or sizes all members at once');
        }
        break;
      }
      case 'L': {
        if (gnuName !== null) malformed('two GNU names for one member');
        const bytes = await readExtension(reader, header);
        gnuName = decodeName(bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes);
        break;
      }
      default:
        return { header, pax: pax ?? noPax, gnuName };
    }
  }
}

async function readExtension(reader: ByteReader, header: Buffer): Promise<Buffer> {
  const size = parseSize(header) ?? malformed('a header that extends another has no size');
  if (size > maxExtensionBytes) malformed(`a header of ${size} bytes that extends another`);
  const padded = Math.ceil(size / blockBytes) * blockBytes;
  const bytes = await reader.read(padded);
  if (bytes.length < padded) malformed('it is cut short within a header');
  return bytes.subarray(0, size);
}

function nameOf(header: Buffer, pax: PaxRecords, gnuName: string | null): string {
  if (pax.path !== null && gnuName !== null) malformed('a member has a PAX name and a GNU name');
  const longer = pax.path ?? gnuName;
  if (longer !== null) return longer;
  const name = decodeName(field(header, 0, 100));
  // GNU's own format (`ustar  `) has times where ustar has the beginning of a long name.
  const isUstar = header.subarray(257, 263).equals(Buffer.from('ustar\0'));
  const prefix = isUstar ? decodeName(field(header, 345, 155)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

const kinds: Readonly<Record<string, string>> = {
  '1': 'is a hard link',
  '2': 'is a symbolic link',
  '3': 'is a device',
  '4': 'is a device',
  '6': 'is a named pipe',
  K: 'is a link',
};

function typeOf(header: Buffer, name: string): MemberType {
  const flag = typeFlag(header);
  if (flag === '5') return 'directory';
  if (flag === '0' || flag === '\0') return 'file';
  const kind = Object.hasOwn(kinds, flag) ? kinds[flag] : undefined;
  if (kind !== undefined) refuse(name, `${kind}; only files and directories are taken`);
  // Sparse files (S), volumes (M, V), incremental directories (D): each reader has its own idea of where they end.
  return malformed(`member ${quote(name)} is of the unknown kind ${quote(flag)}`);
}

function sizeOf(header: Buffer, pax: PaxRecords, name: string): number {
  const own = parseSize(header) ?? malformed(`member ${quote(name)} has no size`);
  if (pax.size === null || pax.size === own) return own;
  // Only a size that the header has no room for may be said elsewhere.
  if (pax.size > maxOctal && own === 0) return pax.size;
  return malformed(`member ${quote(name)} has two sizes, ${own} and ${pax.size}`);
}

async function readContent(
  reader: ByteReader,
  { path, size }: TarMember,
  sink: MemberSink | null,
): Promise<void> {
  for (let left = size; left > 0;) {
    const bytes = await reader.take(Math.min(left, chunkBytes));
    if (bytes === null) malformed(`it is cut short within ${quote(path)}`);
    sink?.chunk(bytes);
    left -= bytes.length;
  }
  sink?.end();
  const padding = (blockBytes - (size % blockBytes)) % blockBytes;
  if ((await reader.read(padding)).length < padding) {
    malformed(`it is cut short after ${quote(path)}`);
  }
}

/** One block of zeros was read. A second must follow, and after it nothing but more of them. */
async function readEnd(reader: ByteReader): Promise<void> {
  if ((await reader.peek(blockBytes)).length < blockBytes) {
    malformed('it is cut short within its end');
  }
  for (;;) {
    const bytes = await reader.take(chunkBytes);
    if (bytes === null) return;
    if (bytes.some((byte) => byte !== 0)) malformed('something follows its end');
  }
}

const typeFlag = (header: Buffer): string => String.fromCharCode(header[156] ?? 0);

/** Up to the first NUL. */
function field(header: Buffer, at: number, length: number): Buffer {
  const whole = header.subarray(at, at + length);
  const end = whole.indexOf(0);
  return end === -1 ? whole : whole.subarray(0, end);
}

/** Digits with spaces before and a space or NUL after them; null when it is something else. */
function parseOctal(header: Buffer, at: number, length: number): number | null {
  const digits = /^ *([0-7]+)(?:[ \0].*)?$/s.exec(header.toString('latin1', at, at + length))?.[1];
  return digits === undefined ? null : Number.parseInt(digits, 8);
}

/** Octal, or GNU's base-256 for what octal cannot say. */
function parseSize(header: Buffer): number | null {
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

const quote = (name: string): string => JSON.stringify(name);

function refuse(name: string, what: string): never {
  throw new ArchiveError('E_ARCHIVE_PATH', `member ${quote(name)} ${what}`);
}

function malformed(what: string): never {
  throw new ArchiveError('E_ARCHIVE_FORMAT', what);
}
