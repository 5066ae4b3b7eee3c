/**
 * Reads a tar archive as a stream: ustar, with the long names of PAX (POSIX.1-2001) and GNU. Where readers of tar are known
 * to disagree it refuses rather than picks a side, because the hook that unpacks it is another reader: a size in a PAX header
 * that differs from the header's own (CVE-2025-62518), a name said twice, anything after the end.
 */
import { ArchiveError } from './archive-error.ts';
import type { ByteReader } from './byte-reader.ts';
import { createNameJudge, decodeName, type MemberType } from './member-names.ts';
import { parsePaxRecords, type PaxRecords } from './pax.ts';
import {
  blockBytes,
  field,
  isTarHeader,
  maxOctal,
  type MemberSink,
  parseOctal,
  parseSize,
  readContent,
  readEnd,
  readExtension,
  typeFlag,
} from './tar-blocks.ts';

export type TarMember = {
  /** Without leading `./` and trailing `/`; `.` is the root itself. */
  readonly path: string;
  readonly type: MemberType;
  /** In bytes; 0 for a directory. */
  readonly size: number;
  /** Permission bits, 0 to 0o1777: members with setuid or setgid are refused. */
  readonly mode: number;
};

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

const quote = (name: string): string => JSON.stringify(name);

function refuse(name: string, what: string): never {
  throw new ArchiveError('E_ARCHIVE_PATH', `member ${quote(name)} ${what}`);
}

function malformed(what: string): never {
  throw new ArchiveError('E_ARCHIVE_FORMAT', what);
}
