/**
 * Which tree of git a source archive unpacks to, so that what was built can be compared with what a commit names. Only the
 * tar that `git archive` writes of a commit under umask 022 is read: each reader of tar has its own idea of everything else,
 * and the one that unpacks the archive is another.
 */
import { createHash } from 'node:crypto';
import { type ByteReader, createByteReader } from '@airlock/artifacts/byte-reader';
import { splitPaxRecords } from '@airlock/artifacts/pax';
import {
  blockBytes,
  field,
  isTarHeader,
  maxOctal,
  readContent,
  readEnd,
  readExtension,
  typeFlag,
} from '@airlock/artifacts/tar-blocks';
import { AirlockError } from '@airlock/common/errors';
import {
  type Directory,
  emptyDirectoryIn,
  enter,
  type File,
  type FileMode,
  treeId,
} from './git-tree.ts';

export type SourceTreeErrorCode =
  /** Not what `git archive` writes, or not a tree that git could hold. */
  | 'source-malformed'
  /** A submodule: what it holds is in another repository, so that the commit's tree does not say what is built. */
  | 'source-submodule'
  | 'source-too-large';
export class SourceTreeError extends AirlockError<SourceTreeErrorCode> {}

export type SourceTree = {
  /** The id that git gives the tree: 40 lower-case hexadecimal digits. */
  readonly tree: string;
  /** The time that every member carries, in seconds since 1970: `git archive` writes the committer's there. */
  readonly time: number;
};

export type SourceTreeLimits = {
  readonly maxEntries: number;
  /** All paths together. */
  readonly maxPathBytes: number;
};

const defaultLimits: SourceTreeLimits = { maxEntries: 500_000, maxPathBytes: 64 * 1024 ** 2 };
/** PATH_MAX of Linux. */
const longestPath = 4096;

/** A source archive as it was read. */
export type SourceArchive = {
  readonly source: SourceTree;
  readonly root: Directory;
  /** Offset of the first block that belongs to its end. */
  readonly endsAt: number;
};

/**
 * SHA-1 suffices as in git itself: no other bytes can be found for an id that exists, and of two made to collide git takes
 * neither into a mirror (it detects the attack).
 *
 * @param source a whole uncompressed archive.
 * @throws SourceTreeError; ArchiveError `E_ARCHIVE_FORMAT` for what is no tar or is cut short; whatever the source throws.
 */
export async function sourceTreeOf(
  source: AsyncIterable<Uint8Array>,
  limits: SourceTreeLimits = defaultLimits,
): Promise<SourceArchive> {
  const reader = countingReader(source);
  try {
    return await readSource(reader, limits);
  } finally {
    await reader.close();
  }
}

type CountingReader = ByteReader & {
  /** So many bytes were read. */
  position(): number;
};

function countingReader(source: AsyncIterable<Uint8Array>): CountingReader {
  const reader = createByteReader(source);
  let position = 0;
  return {
    ...reader,
    async read(count) {
      const bytes = await reader.read(count);
      position += bytes.length;
      return bytes;
    },
    async take(most) {
      const bytes = await reader.take(most);
      position += bytes?.length ?? 0;
      return bytes;
    },
    position: () => position,
  };
}

async function readSource(
  reader: CountingReader,
  limits: SourceTreeLimits,
): Promise<SourceArchive> {
  const root: Directory = new Map();
  let entries = 0;
  let pathBytes = 0;

  let header = await readHeader(reader);
  if (header === null) malformed('it is empty');
  const time = octal(header, 136, 11);

  async function nextHeader(): Promise<Buffer | null> {
    const next = await readHeader(reader);
    const own = next === null ? time : octal(next, 136, 11);
    if (own !== time) malformed(`a member is of another time (${own}) than the first (${time})`);
    return next;
  }

  if (typeFlag(header) === 'g') {
    recordsOf(await readExtension(reader, header), ['comment']);
    header = await nextHeader();
  }
  while (header !== null) {
    let pax: Records = new Map();
    if (typeFlag(header) === 'x') {
      pax = recordsOf(await readExtension(reader, header), ['path', 'linkpath', 'size']);
      header = (await nextHeader()) ?? malformed('its last name belongs to no member');
    }
    const path = pathOf(header, pax);
    entries += 1;
    pathBytes += path.length;
    if (entries > limits.maxEntries || pathBytes > limits.maxPathBytes) {
      throw new SourceTreeError(
        'source-too-large',
        `it has more than ${limits.maxEntries} files and directories, or their paths are longer than ${limits.maxPathBytes} bytes together`,
      );
    }
    await readMember(reader, root, { path, header, pax });
    header = await nextHeader();
  }
  const endsAt = reader.position() - blockBytes;
  await readEnd(reader);
  const empty = emptyDirectoryIn(root);
  if (empty !== null) {
    throw new SourceTreeError(
      'source-submodule',
      `${shown(empty)} is a submodule, whose files are in another repository and not in this commit, so that nobody could say afterwards what was built; commit the files themselves in its place`,
    );
  }
  return { source: { tree: treeId(root), time }, root, endsAt };
}

type Records = ReadonlyMap<string, Buffer>;

/** Null for a block of zeros. */
async function readHeader(reader: ByteReader): Promise<Buffer | null> {
  const header = await reader.read(blockBytes);
  if (header.length < blockBytes) malformed('it is cut short: no end of archive');
  if (header.every((byte) => byte === 0)) return null;
  if (!isTarHeader(header) || header.toString('latin1', 257, 265) !== 'ustar\x0000') {
    malformed('a header is not as git writes it');
  }
  // Digits in a form of their own are read differently by different readers.
  octal(header, 124, 11);
  return header;
}

async function readMember(
  reader: CountingReader,
  root: Directory,
  { path, header, pax }: { path: string; header: Buffer; pax: Records },
): Promise<void> {
  const mode = octal(header, 100, 7);
  const flag = typeFlag(header);
  const inHeader = octal(header, 124, 11);
  const link = wholeField(header, 157, 100);
  if (flag !== '0' && (inHeader !== 0 || pax.has('size'))) {
    malformed(`${shown(path)} has content and is no file`);
  }
  if (flag !== '2' && (link.length > 0 || pax.has('linkpath'))) {
    malformed(`${shown(path)} links to something and is no link`);
  }
  if (flag === '5' && mode === 0o755 && path.endsWith('/')) {
    place(root, path.slice(0, -1), new Map());
    return;
  }
  if (flag === '2' && mode === 0o777) {
    const target = pax.get('linkpath') ?? link;
    const blob = createHash('sha1').update(`blob ${target.length}\0`).update(target);
    place(root, path, {
      ...{ mode: '120000', id: blob.digest(), size: target.length },
      content: Buffer.from(target),
    });
    return;
  }
  const fileMode = flag === '0' ? fileModes.get(mode) : undefined;
  if (fileMode === undefined) {
    malformed(`${shown(path)} is of kind ${JSON.stringify(flag)} and mode ${mode.toString(8)}`);
  }
  const size = sizeOf(path, inHeader, pax);
  const blob = createHash('sha1').update(`blob ${size}\0`);
  const content = reader.position();
  await readContent(
    reader,
    { path: decoded(path), size },
    {
      chunk: (bytes) => void blob.update(bytes),
      end: () => {
        place(root, path, { mode: fileMode, id: blob.digest(), size, content });
      },
    },
  );
}

const fileModes: ReadonlyMap<number, FileMode> = new Map([
  [0o644, '100644'],
  [0o755, '100755'],
]);

/** Only these keys: any other may mean something to the program that unpacks. */
function recordsOf(bytes: Buffer, keys: readonly string[]): Records {
  const records = splitPaxRecords(bytes);
  for (const key of records.keys()) {
    if (!keys.includes(key)) malformed(`a PAX header says ${JSON.stringify(key)}`);
  }
  return records;
}

/** One character a byte: git's names are bytes, in any encoding or none. */
function pathOf(header: Buffer, pax: Records): string {
  const name = wholeField(header, 0, 100).toString('latin1');
  const prefix = wholeField(header, 345, 155).toString('latin1');
  const path = pax.get('path')?.toString('latin1') ?? (prefix === '' ? name : `${prefix}/${name}`);
  if (path.length > longestPath) malformed(`a path is longer than ${longestPath} bytes`);
  return path;
}

function sizeOf(path: string, inHeader: number, pax: Records): number {
  const text = pax.get('size')?.toString('latin1');
  if (text === undefined) return inHeader;
  const size = /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : 0;
  // Only a size that the header has no room for is said elsewhere (CVE-2025-62518).
  if (size > maxOctal && inHeader === 0) return size;
  return malformed(`${shown(path)} has two sizes`);
}

/** Nothing after the NUL, because another reader may look there. */
function wholeField(header: Buffer, at: number, length: number): Buffer {
  const text = field(header, at, length);
  if (header.subarray(at + text.length, at + length).some((byte) => byte !== 0)) {
    malformed('a header has something after the end of a name');
  }
  return text;
}

/** Exactly so many digits and a NUL. */
function octal(header: Buffer, at: number, digits: number): number {
  const text = header.toString('latin1', at, at + digits + 1);
  if (!/^[0-7]+\0$/.test(text)) malformed('a header has a number in another form than git’s');
  return Number.parseInt(text, 8);
}

const decoded = (path: string): string => Buffer.from(path, 'latin1').toString('utf8');
const shown = (path: string): string => JSON.stringify(decoded(path));

function place(root: Directory, path: string, entry: File | Directory): void {
  const fault = enter(root, path, entry);
  if (fault !== null) malformed(`${shown(path)} ${fault}`);
}

function malformed(what: string): never {
  throw new SourceTreeError('source-malformed', what);
}
