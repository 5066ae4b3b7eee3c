import { decodeUtf8 } from '@airlock/common/encoding/utf8';
import { ArchiveError } from './archive-error.ts';

/** Longest name of a member, in bytes: PATH_MAX of Linux. */
const maxNameBytes = 4096;
/** Directories below one another: each is remembered by its whole name. */
const maxDepth = 64;
/** Characters of all names together that are remembered: whoever reads an archive is not to be exhausted by its names. */
const maxRemembered = 32 * 1024 * 1024;

export type MemberType = 'file' | 'directory';

/**
 * Judges the names of one archive's members, in their order.
 *
 * @returns a function that gives the name's one spelling: no leading `./`, no trailing `/`, `.` for the root itself.
 *   It throws ArchiveError `E_ARCHIVE_PATH` for a name that leaves the directory, that two file systems read differently,
 *   that lies too deep, or that stands for something that another member is already; `E_ARCHIVE_SIZE` for too many of them.
 */
export function createNameJudge(): (name: string, type: MemberType) => string {
  /** By the spelling that a file system without upper and lower case knows. */
  const known = new Map<string, { spelling: string; type: MemberType; named: boolean }>();
  let remembered = 0;

  function claim(spelling: string, type: MemberType, named: boolean): void {
    const folded = fold(spelling);
    const before = known.get(folded);
    if (before === undefined) {
      remembered += spelling.length;
      if (remembered > maxRemembered) {
        throw new ArchiveError(
          'E_ARCHIVE_SIZE',
          `its members have names of more than ${maxRemembered} characters together`,
        );
      }
      known.set(folded, { spelling, type, named });
      return;
    }
    if (before.spelling !== spelling) {
      refuse(spelling, `is ${quote(before.spelling)} where upper and lower case are the same`);
    }
    if (before.type !== type) refuse(spelling, 'is a file and a directory');
    if (named && before.named) refuse(spelling, 'stands in it twice');
    before.named ||= named;
  }

  return (name, type) => {
    refuseSpelling(name);
    if (type === 'file' && name.endsWith('/')) refuse(name, 'is a file that is called a directory');
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    if (parts.includes('..')) refuse(name, 'leads out of the archive by ..');
    if (parts.length > maxDepth) {
      refuse(`${name.slice(0, 64)}…`, `lies more than ${maxDepth} directories deep`);
    }
    if (parts.length === 0 && type === 'file') refuse(name, 'names no file');
    for (let depth = 1; depth < parts.length; depth += 1) {
      claim(parts.slice(0, depth).join('/'), 'directory', false);
    }
    const spelling = parts.length === 0 ? '.' : parts.join('/');
    claim(spelling, type, true);
    return spelling;
  };
}

/** @throws ArchiveError `E_ARCHIVE_PATH` when it is not UTF-8: as text it would be another name than as bytes. */
export function decodeName(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes);
  } catch (cause) {
    throw new ArchiveError('E_ARCHIVE_PATH', 'a name is not UTF-8', { cause });
  }
}

function refuseSpelling(name: string): void {
  if (name === '') refuse(name, 'is empty');
  if (Buffer.byteLength(name) > maxNameBytes) {
    refuse(`${name.slice(0, 64)}…`, `is longer than ${maxNameBytes} bytes`);
  }
  if (name.startsWith('/')) refuse(name, 'is absolute');
  if (name.includes('\\')) refuse(name, 'has a backslash, which separates directories elsewhere');
  // eslint-disable-next-line no-control-regex -- control characters are what this looks for
  if (/[\u0000-\u001f\u007f]/.test(name)) refuse(name, 'has a control character');
}

/** Composed first, because some file systems keep accents apart from their letters; upper first, because of ß and ſ. */
const fold = (name: string): string => name.normalize('NFC').toUpperCase().toLowerCase();

const quote = (name: string): string => JSON.stringify(name);

function refuse(name: string, what: string): never {
  throw new ArchiveError('E_ARCHIVE_PATH', `member ${quote(name)} ${what}`);
}
