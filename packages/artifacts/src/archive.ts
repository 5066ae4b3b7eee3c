/** What an archive holds, without unpacking it: tar, and tar in gzip, told by their content and never by a name. */
import { createHash } from 'node:crypto';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { ArchiveError } from './archive-error.ts';
import { type ByteReader, createByteReader } from './byte-reader.ts';
import { mayBeTarHeader, type MemberSink } from './tar-blocks.ts';
import { readTar, type TarMember } from './tar.ts';

export type ArchiveEntry = {
  /** Without leading `./` and trailing `/`; `.` is the root itself. */
  readonly path: string;
  readonly type: 'file' | 'directory';
  /** In bytes; 0 for a directory. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** Of a file's content, 64 lower-case hexadecimal digits; null for a directory. */
  readonly sha256: string | null;
};

export type ArchiveLimits = {
  readonly maxEntries: number;
  /** Longest archive after decompression, in bytes. */
  readonly maxExpandedBytes: number;
};

export const defaultArchiveLimits: ArchiveLimits = {
  maxEntries: 100_000,
  maxExpandedBytes: 8 * 1024 ** 3,
};

/** A stream of bytes and what it is. `other` stands at its first byte; what is compressed is decompressed. */
export type OpenedArchive = { readonly kind: 'tar' | 'other'; readonly reader: ByteReader };

const chunkBytes = 256 * 1024;

/** @throws ArchiveError at opening or later from the reader; the caller closes the reader. */
export async function openArchive(
  source: AsyncIterable<Uint8Array>,
  limits: Pick<ArchiveLimits, 'maxExpandedBytes'>,
): Promise<OpenedArchive> {
  const stored = createByteReader(source);
  const magic = await stored.peek(2);
  const isGzip = magic.equals(Buffer.from([0x1f, 0x8b]));
  const reader = createByteReader(bounded(isGzip ? gunzip(stored) : bytesOf(stored), limits));
  return { kind: mayBeTarHeader(await reader.peek(512)) ? 'tar' : 'other', reader };
}

/**
 * Lists the members of a tar or tar.gz in their order.
 *
 * @throws ArchiveError `E_ARCHIVE_PATH`, `E_ARCHIVE_SIZE`, `E_ARCHIVE_FORMAT` (also when it is no archive); and whatever the
 *   source throws.
 */
export async function listArchive(
  source: AsyncIterable<Uint8Array>,
  limits: ArchiveLimits,
): Promise<readonly ArchiveEntry[]> {
  const { kind, reader } = await openArchive(source, limits);
  try {
    if (kind === 'other') {
      throw new ArchiveError('E_ARCHIVE_FORMAT', 'it is neither a tar nor a tar.gz');
    }
    return await readEntries(reader, limits, () => null);
  } finally {
    await reader.close();
  }
}

/**
 * The members of an opened tar in their order.
 *
 * @param wanted says of each file who gets its content beside the hash; null when nobody does.
 * @throws ArchiveError as {@link listArchive} does, and whatever the reader throws.
 */
export async function readEntries(
  reader: ByteReader,
  limits: ArchiveLimits,
  wanted: (member: TarMember) => MemberSink | null,
): Promise<readonly ArchiveEntry[]> {
  const entries: ArchiveEntry[] = [];
  await readTar(reader, limits, (member) => {
    if (member.type === 'directory') {
      entries.push({ ...member, sha256: null });
      return null;
    }
    const hash = createHash('sha256');
    const sink = wanted(member);
    return {
      chunk(bytes) {
        hash.update(bytes);
        sink?.chunk(bytes);
      },
      end() {
        entries.push({ ...member, sha256: hash.digest('hex') });
        sink?.end();
      },
    };
  });
  return entries;
}

export type ArchiveDifference = {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  /** Null where it is not there. */
  readonly before: ArchiveEntry | null;
  readonly after: ArchiveEntry | null;
};

/** What differs between two archives, by path; nothing when they unpack to the same. The order of members does not count. */
export function diffArchives(
  before: readonly ArchiveEntry[],
  after: readonly ArchiveEntry[],
): readonly ArchiveDifference[] {
  const [old, young] = [byPath(before), byPath(after)];
  const paths = [...new Set([...old.keys(), ...young.keys()])].sort();
  return paths.flatMap((path): ArchiveDifference[] => {
    const [was, is] = [old.get(path) ?? null, young.get(path) ?? null];
    if (was === null) return [{ path, change: 'added', before: was, after: is }];
    if (is === null) return [{ path, change: 'removed', before: was, after: is }];
    const isSame = was.type === is.type && was.mode === is.mode && was.sha256 === is.sha256;
    return isSame ? [] : [{ path, change: 'changed', before: was, after: is }];
  });
}

const byPath = (entries: readonly ArchiveEntry[]): Map<string, ArchiveEntry> =>
  new Map(entries.map((entry) => [entry.path, entry]));

async function* bounded(
  source: AsyncIterable<Buffer>,
  { maxExpandedBytes }: Pick<ArchiveLimits, 'maxExpandedBytes'>,
): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > maxExpandedBytes) {
      throw new ArchiveError('E_ARCHIVE_SIZE', `it unpacks to more than ${maxExpandedBytes} bytes`);
    }
    yield chunk;
  }
}

async function* bytesOf(reader: ByteReader): AsyncGenerator<Buffer> {
  try {
    for (;;) {
      const chunk = await reader.take(chunkBytes);
      if (chunk === null) return;
      yield chunk;
    }
  } finally {
    await reader.close();
  }
}

async function* gunzip(stored: ByteReader): AsyncGenerator<Buffer> {
  let given = 0;
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const chunk of bytesOf(stored)) {
      given += chunk.length;
      yield chunk;
    }
  }
  const unpacked = createGunzip({ chunkSize: chunkBytes });
  // Its callback has nothing to do: whatever ends either end is thrown by the loop below.
  pipeline(Readable.from(counted(), { objectMode: true, highWaterMark: 1 }), unpacked, () => {});
  try {
    for await (const chunk of unpacked) {
      // Without an encoding it gives Buffers; the stream's type does not say so.
      yield chunk as Buffer;
    }
  } catch (cause) {
    if (!isZlibError(cause)) throw cause;
    // Not in its words: they are another library's, and stand in what several processes must write alike.
    throw new ArchiveError('E_ARCHIVE_FORMAT', 'its compression is damaged', { cause });
  }
  // zlib is content with zeros after the last member, and another reader may not be.
  if (unpacked.bytesWritten !== given) {
    throw new ArchiveError('E_ARCHIVE_FORMAT', 'something follows the end of its compression');
  }
}

function isZlibError(cause: unknown): cause is Error {
  return (
    cause instanceof Error &&
    'code' in cause &&
    typeof cause.code === 'string' &&
    cause.code.startsWith('Z_')
  );
}
