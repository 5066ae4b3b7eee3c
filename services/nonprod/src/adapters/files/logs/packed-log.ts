/**
 * What a log becomes once its step has ended: frames of zstd that can each be read alone, and an index. Both replace the
 * plain bytes only when they are on the disk.
 */
import { open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import { z } from 'zod';
import { createLineIndex, type LineIndex } from './line-index.ts';
import type { LogPaths } from './log-paths.ts';
import { pieces, type AppendTime } from './open-log.ts';

const frameBytes = 256 * 1024;
/** Most frames become no larger, and come back in one piece. */
const packedChunkBytes = 64 * 1024;
/** Below this a file system gives nothing back. */
const packFromBytes = 16 * 1024;
/** Appends are made every few milliseconds; people read seconds. */
const timeStepMs = 100;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

const IndexFile = z.strictObject({
  version: z.literal(1),
  bytes: z.int().nonnegative(),
  lines: z.int().nonnegative(),
  checkpoints: z.array(z.tuple([z.int(), z.int()])),
  /** Where the frames of 256 KiB end in the packed file; null: it is not packed. */
  frames: z.array(z.int()).nullable(),
  times: z.array(z.tuple([z.int(), z.int()])),
});
export type IndexFile = z.infer<typeof IndexFile>;

/** Packs the bytes and writes the index. Doing it again after a crash is harmless. */
export async function packLog(
  paths: LogPaths,
  index: LineIndex,
  times: readonly AppendTime[],
): Promise<IndexFile> {
  const frames = index.bytes < packFromBytes ? null : await writePacked(paths, index.bytes);
  const file: IndexFile = {
    version: 1,
    bytes: index.bytes,
    lines: index.lines,
    checkpoints: index.checkpoints.map(([line, offset]) => [line, offset]),
    frames,
    times: thinned(times),
  };
  const temporary = `${paths.index}.new`;
  await writeFile(temporary, JSON.stringify(file), { mode: 0o600, flush: true });
  await rename(temporary, paths.index);
  if (frames !== null) await rm(paths.bytes, { force: true });
  await rm(paths.records, { force: true });
  return file;
}

async function writePacked(paths: LogPaths, bytes: number): Promise<number[]> {
  const temporary = `${paths.packed}.new`;
  await using source = await open(paths.bytes, 'r');
  await using target = await open(temporary, 'w', 0o600);
  const ends: number[] = [];
  const room = Buffer.allocUnsafeSlow(frameBytes);
  let end = 0;
  for (let at = 0; at < bytes; at += frameBytes) {
    const frame = room.subarray(0, Math.min(frameBytes, bytes - at));
    await readWhole(source, frame, at);
    const packed = await compress(frame, {
      chunkSize: packedChunkBytes,
      params: { [constants.ZSTD_c_compressionLevel]: 1 },
    });
    await target.appendFile(packed);
    end += packed.length;
    ends.push(end);
  }
  await target.sync();
  await rename(temporary, paths.packed);
  return ends;
}

/** @throws Error when the file ends before `frame` is full. */
async function readWhole(file: FileHandle, frame: Buffer, from: number): Promise<void> {
  for (let filled = 0; filled < frame.length;) {
    const { bytesRead } = await file.read(frame, filled, frame.length - filled, from + filled);
    if (bytesRead === 0) throw new Error(`the log ends at ${from + filled}`);
    filled += bytesRead;
  }
}

function thinned(times: readonly AppendTime[]): [number, number][] {
  const kept: [number, number][] = [];
  for (const [end, at] of times) {
    const last = kept.at(-1);
    if (last !== undefined && at - last[1] < timeStepMs) last[0] = end;
    else kept.push([end, Math.round(at)]);
  }
  return kept;
}

export interface ByteSource {
  /**
   * The bytes from `from` to `to` in pieces; each is used again for the next.
   *
   * @param atOnce what is read of plain bytes at once; packed ones come by the frame, of 256 KiB.
   */
  read(from: number, to: number, atOnce?: number): AsyncGenerator<Buffer>;
}

/** Null when there is no index, or none that this version reads. */
export async function readIndex(paths: LogPaths): Promise<IndexFile | null> {
  try {
    return IndexFile.parse(JSON.parse(await readFile(paths.index, 'utf8')));
  } catch {
    // It is made again from the bytes.
    return null;
  }
}

export function byteSource(paths: LogPaths, frames: readonly number[] | null): ByteSource {
  return frames === null ? plainSource(paths.bytes) : packedSource(paths.packed, frames);
}

/** The plain bytes of a log that may be packed at any moment. */
export function endedSource(paths: LogPaths): ByteSource {
  return {
    async *read(from, to, atOnce) {
      let isBegun = false;
      try {
        for await (const piece of plainSource(paths.bytes).read(from, to, atOnce)) {
          isBegun = true;
          yield piece;
        }
      } catch (error) {
        const file = isBegun ? null : await readIndex(paths);
        if (file === null) throw error;
        yield* byteSource(paths, file.frames).read(from, to);
      }
    },
  };
}

export function plainSource(path: string): ByteSource {
  return {
    async *read(from, to, atOnce) {
      await using file = await open(path, 'r');
      yield* pieces(file, to, from, atOnce);
    },
  };
}

function packedSource(path: string, frames: readonly number[]): ByteSource {
  return {
    async *read(from, to) {
      await using file = await open(path, 'r');
      for (let at = from; at < to;) {
        const number = Math.floor(at / frameBytes);
        const frame = await readFrame(file, frames, number);
        const base = number * frameBytes;
        const piece = frame.subarray(at - base, Math.min(frame.length, to - base));
        if (piece.length === 0) return;
        yield piece;
        at += piece.length;
      }
    },
  };
}

async function readFrame(
  file: FileHandle,
  ends: readonly number[],
  number: number,
): Promise<Buffer> {
  const begin = number === 0 ? 0 : (ends[number - 1] ?? 0);
  const end = ends[number] ?? begin;
  if (end === begin) return Buffer.alloc(0);
  const packed = Buffer.allocUnsafe(end - begin);
  await file.read(packed, 0, packed.length, begin);
  return await decompress(packed, { maxOutputLength: frameBytes });
}

/** Makes an index again from the plain bytes; their times are lost. */
export async function indexOf(source: ByteSource, bytes: number): Promise<LineIndex> {
  const index = createLineIndex();
  for await (const piece of source.read(0, bytes)) index.push(piece);
  return index;
}
