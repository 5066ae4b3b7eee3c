/**
 * A log that is being written: bytes are appended and never changed. Behind each append a record says how far the runner's
 * output is decided, so that after a crash both sides know where to go on and nothing is there twice.
 */
import { mkdir, open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { MaskedStream } from '@airlock/masking/masker';
import { createLineIndex, type LineIndex } from './line-index.ts';
import type { LogPaths } from './log-paths.ts';

/** Three float64: input decided, bytes kept, milliseconds of the wall clock. */
const recordBytes = 24;
const pieceBytes = 1024 * 1024;

/** Where an append ended and when it was made. */
export type AppendTime = readonly [end: number, at: number];

export interface OpenLog {
  readonly index: LineIndex;
  readonly times: readonly AppendTime[];
  /** How much of the runner's output was taken, and how much of that is decided and kept: the masks hold back an end. */
  readonly taken: number;
  readonly decided: number;
  /** @param options.missing how many bytes before these will never come. */
  append(
    bytes: Uint8Array,
    options: { missing: number; isEnd: boolean; room: number; now: number },
  ): Promise<void>;
  /** On the disk, not only with the kernel. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Opens or begins a log. What was appended without its record is dropped: the runner was not told that it is kept. */
export async function openLog(paths: LogPaths, mask: MaskedStream): Promise<OpenLog> {
  await mkdir(paths.directory, { recursive: true, mode: 0o700 });
  const bytesFile = await open(paths.bytes, 'a+', 0o600);
  const recordsFile = await open(paths.records, 'a+', 0o600);
  const { decided, kept, times } = await recover(bytesFile, recordsFile);
  const index = createLineIndex();
  for await (const piece of pieces(bytesFile, kept)) index.push(piece);

  let taken = decided;
  let isCut = false;
  return {
    index,
    times,
    get taken() {
      return taken;
    },
    get decided() {
      return taken - mask.held();
    },
    async append(bytes, { missing, isEnd, room, now }) {
      taken += missing + bytes.length;
      let out = mask.write(bytes);
      if (missing > 0) {
        out = Buffer.concat([
          Buffer.from(`\n${missing} bytes were lost with the server here.\n`),
          out,
        ]);
      }
      if (isEnd) out = Buffer.concat([out, mask.end()]);
      if (isCut) out = Buffer.alloc(0);
      else if (out.length > room) {
        isCut = true;
        out = Buffer.concat([out.subarray(0, Math.max(0, room)), endOfKeeping]);
      }
      await writeWhole(bytesFile, out);
      const end = index.bytes + out.length;
      const record = Float64Array.of(taken - mask.held(), end, now);
      await writeWhole(recordsFile, new Uint8Array(record.buffer));
      index.push(out);
      if (out.length > 0) times.push([end, now]);
    },
    async sync() {
      await bytesFile.datasync();
      await recordsFile.datasync();
    },
    async close() {
      await bytesFile.close();
      await recordsFile.close();
    },
  };
}

/** Both files are opened to be appended to. */
async function writeWhole(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten;
}

const endOfKeeping = Buffer.from('\nThe log ends here: no more is kept of one job.\n');

async function recover(
  bytesFile: FileHandle,
  recordsFile: FileHandle,
): Promise<{ decided: number; kept: number; times: AppendTime[] }> {
  const { size } = await bytesFile.stat();
  const all = await recordsFile.readFile();
  const whole = Uint8Array.from(all.subarray(0, all.length - (all.length % recordBytes)));
  const values = new Float64Array(whole.buffer);
  const times: AppendTime[] = [];
  let decided = 0;
  let kept = 0;
  let count = 0;
  for (let at = 0; at + 2 < values.length; at += 3) {
    const [input = 0, end = 0, time = 0] = values.subarray(at, at + 3);
    // A machine that lost power may have kept the record and not the bytes.
    if (end > size) break;
    if (end > kept) times.push([end, time]);
    decided = input;
    kept = end;
    count += 1;
  }
  await recordsFile.truncate(count * recordBytes);
  await bytesFile.truncate(kept);
  return { decided, kept, times };
}

/** The bytes from `from` to `to`; their memory is used again for every piece. */
export async function* pieces(
  file: FileHandle,
  to: number,
  from = 0,
  atOnce = pieceBytes,
): AsyncGenerator<Buffer<ArrayBuffer>> {
  const buffer = Buffer.allocUnsafe(Math.min(atOnce, Math.max(1, to - from)));
  for (let at = from; at < to;) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, to - at), at);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}
