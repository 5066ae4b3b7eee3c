/**
 * A pack of git (gitformat-pack(5)) with nothing compressed: it lives as long as a job, and compressing what is thrown away
 * afterwards costs more than the disk.
 */
import { createHash } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';

export type PackObject = {
  readonly type: 'commit' | 'tree' | 'blob';
  readonly id: Buffer;
  readonly size: number;
  readonly content: () => Promise<Buffer> | Buffer;
};

const typeNumbers = { commit: 1, tree: 2, blob: 3 } as const;

/** Four gigabytes more and the index would need offsets of another form. */
export const maxPackBytes = 0x7fff_ffff;

export type Pack = {
  /** Its checksum, which its name is made of. */
  readonly id: string;
  readonly size: number;
  /** The content of its `.idx` (version 2). */
  readonly index: Buffer;
};

/**
 * Writes the pack piece by piece.
 *
 * @param objects each once.
 * @throws RangeError when they are more than `maxPackBytes`.
 */
export async function writePack(
  objects: readonly PackObject[],
  write: (bytes: Buffer) => Promise<void>,
): Promise<Pack> {
  const hash = createHash('sha1');
  const entries: { id: Buffer; crc: number; offset: number }[] = [];
  let size = 0;
  const put = async (bytes: Buffer): Promise<void> => {
    hash.update(bytes);
    await write(bytes);
    size += bytes.length;
    if (size > maxPackBytes) throw new RangeError(`a pack of more than ${maxPackBytes} bytes`);
  };
  const header = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
  header.writeUInt32BE(objects.length, 8);
  await put(header);
  for (const { type, id, size: length, content } of objects) {
    const bytes = Buffer.concat([
      entryHeader(typeNumbers[type], length),
      deflateSync(await content(), { level: 0 }),
    ]);
    entries.push({ id, crc: crc32(bytes), offset: size });
    await put(bytes);
  }
  const checksum = hash.digest();
  await write(checksum);
  return {
    id: checksum.toString('hex'),
    size: size + checksum.length,
    index: packIndex(entries, checksum),
  };
}

/** Three bits of type and a length in groups of four, then seven bits, the lowest first. */
function entryHeader(type: number, length: number): Buffer {
  const bytes = [(type << 4) | (length & 0x0f)];
  let rest = Math.floor(length / 16);
  while (rest > 0) {
    bytes.push((bytes.pop() ?? 0) | 0x80, rest & 0x7f);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from(bytes);
}

function packIndex(
  entries: readonly { id: Buffer; crc: number; offset: number }[],
  checksum: Buffer,
): Buffer {
  const sorted = [...entries].sort((a, b) => a.id.compare(b.id));
  const fanout = Buffer.alloc(256 * 4);
  let count = 0;
  for (let first = 0; first < 256; first += 1) {
    while ((sorted[count]?.id[0] ?? 256) <= first) count += 1;
    fanout.writeUInt32BE(count, first * 4);
  }
  const numbers = (of: (entry: { crc: number; offset: number }) => number): Buffer => {
    const table = Buffer.alloc(sorted.length * 4);
    for (const [index, entry] of sorted.entries()) table.writeUInt32BE(of(entry), index * 4);
    return table;
  };
  const body = Buffer.concat([
    Buffer.from('\xfftOc\0\0\0\x02', 'latin1'),
    fanout,
    ...sorted.map(({ id }) => id),
    numbers(({ crc }) => crc),
    numbers(({ offset }) => offset),
    checksum,
  ]);
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}
