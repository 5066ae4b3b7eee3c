/** Logs as files, one process writing: bytes once, an index beside them, packed when the step has ended. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Masker } from '@airlock/masking/masker';
import type { LogLine, LogName, LogReader, LogSize, LogWriter } from '../../../app/log-ports.ts';
import { checkpointBefore, type LineIndex } from './line-index.ts';
import { createLineCutter, type CutLine } from './line-cutter.ts';
import { logPaths } from './log-paths.ts';
import { openLog, type AppendTime, type OpenLog } from './open-log.ts';
import {
  byteSource,
  endedSource,
  indexOf,
  packLog,
  plainSource,
  readIndex,
  type ByteSource,
} from './packed-log.ts';

/** Indexes of ended logs that are kept in memory. */
const maxIndexes = 64;
/** Read at once for lines: behind a place of the index that is about what a page of them needs. */
const lineBytesAtOnce = 64 * 1024;

interface OpenLogs {
  /** Appends to one log happen one after the other. */
  readonly log: Promise<OpenLog>;
  turn: Promise<unknown>;
}

interface Found {
  readonly index: LineIndex;
  readonly times: readonly AppendTime[];
  readonly source: ByteSource;
  readonly isOpen: boolean;
}

export interface LogFiles extends LogWriter, LogReader {
  /** Jobs that have logs. */
  jobs(): Promise<readonly string[]>;
  /** Deletes every log of a job and says how many bytes were freed. */
  remove(jobId: string): Promise<number>;
  /** Those with a log that has not ended. */
  attempts(): readonly { readonly jobId: string; readonly lease: number }[];
  /** Lets go of what is open, to go on with it another time; nothing may be appended afterwards. */
  end(): Promise<void>;
}

/**
 * @param options.maxJobBytes what is kept of the logs of one attempt; behind that the log says that it ends.
 * @param options.maskerOf what must not be kept of this attempt's output.
 * @param options.onAccident told when an ended log could not be packed; it stays readable as it is.
 */
export function createLogFiles(options: {
  readonly directory: string;
  readonly maxJobBytes: number;
  readonly maskerOf: (attempt: { readonly jobId: string; readonly lease: number }) => Masker;
  readonly now: () => number;
  readonly onAccident: (name: LogName, error: Error) => void;
}): LogFiles {
  const { directory, now } = options;
  const open = new Map<string, OpenLogs & { readonly name: LogName }>();
  const ended = new Map<string, Found>();
  const watchers = new Map<string, Set<() => void>>();
  /** Ended and not packed yet. */
  const settled = new Set<string>();
  let packing: Promise<unknown> = Promise.resolve();

  const keyOf = ({ jobId, lease, step }: LogName): string => `${jobId}/${lease}/${step}`;
  const tell = (key: string): void => {
    for (const changed of watchers.get(key) ?? []) changed();
  };

  async function find(name: LogName): Promise<Found | null> {
    const key = keyOf(name);
    const paths = logPaths(directory, name);
    const writing = open.get(key);
    if (writing !== undefined) {
      const { index, times } = await writing.log;
      return { index, times, source: endedSource(paths), isOpen: true };
    }
    const known = ended.get(key);
    if (known !== undefined) return known;
    const file = await readIndex(paths);
    const found =
      file === null
        ? await findPlain(paths.bytes)
        : { index: file, times: file.times, source: byteSource(paths, file.frames), isOpen: false };
    if (found !== null) remember(key, found);
    return found;
  }

  async function findPlain(path: string): Promise<Found | null> {
    const size = await sizeOf(path);
    if (size === null) return null;
    const source = plainSource(path);
    return { index: await indexOf(source, size), times: [], source, isOpen: false };
  }

  function remember(key: string, found: Found): void {
    ended.set(key, found);
    for (const oldest of ended.keys()) {
      if (ended.size <= maxIndexes) break;
      ended.delete(oldest);
    }
  }

  /** Bytes kept of the attempt's logs so far. */
  async function keptOf({ jobId, lease }: LogName): Promise<number> {
    let bytes = 0;
    for (const { name, log } of open.values()) {
      if (name.jobId === jobId && name.lease === lease) bytes += (await log).index.bytes;
    }
    for (const name of await listOf(jobId)) {
      if (name.lease !== lease || open.has(keyOf(name))) continue;
      bytes += (await find(name))?.index.bytes ?? 0;
    }
    return bytes;
  }
  const attempts = new Map<string, number>();

  async function append(
    name: LogName,
    chunk: { readonly offset: number; readonly bytes: Uint8Array; readonly isEnd: boolean },
  ): Promise<number> {
    const key = keyOf(name);
    const paths = logPaths(directory, name);
    if (!open.has(key) && (settled.has(key) || (await readIndex(paths)) !== null)) {
      // It has ended: this is the answer that did not arrive.
      return chunk.offset + chunk.bytes.length;
    }
    let entry = open.get(key);
    if (entry === undefined) {
      ended.delete(key);
      const mask = options.maskerOf(name).stream();
      entry = { name, log: openLog(paths, mask), turn: Promise.resolve() };
      open.set(key, entry);
    }
    const turn = entry.turn.then(() => appendInTurn(name, chunk));
    entry.turn = turn.catch(() => undefined);
    return await turn;
  }

  async function appendInTurn(
    name: LogName,
    { offset, bytes, isEnd }: { offset: number; bytes: Uint8Array; isEnd: boolean },
  ): Promise<number> {
    const key = keyOf(name);
    const entry = open.get(key);
    if (entry === undefined) return offset + bytes.length;
    try {
      const log = await entry.log;
      const missing = Math.max(0, offset - log.taken);
      const fresh = bytes.subarray(Math.max(0, Math.min(bytes.length, log.taken - offset)));
      const attempt = `${name.jobId}/${name.lease}`;
      const before = attempts.get(attempt) ?? (await keptOf(name));
      const size = log.index.bytes;
      const room = options.maxJobBytes - before;
      await log.append(fresh, { missing, isEnd, room, now: now() });
      attempts.set(attempt, before + log.index.bytes - size);
      if (isEnd) await settle(key);
      tell(key);
      return isEnd ? offset + bytes.length : log.decided;
    } catch (error) {
      // What is in memory may differ from the files now; they say how to go on.
      open.delete(key);
      attempts.delete(`${name.jobId}/${name.lease}`);
      await entry.log.then((log) => log.close()).catch(() => undefined);
      throw error;
    }
  }

  /** Ends one log and packs it by and by. */
  async function settle(key: string): Promise<void> {
    const entry = open.get(key);
    if (entry === undefined) return;
    const log = await entry.log;
    await log.sync();
    await log.close();
    open.delete(key);
    settled.add(key);
    const { index, times } = log;
    const paths = logPaths(directory, entry.name);
    const plain = { index, times, source: endedSource(paths), isOpen: false };
    remember(key, plain);
    packing = packing.then(async () => {
      try {
        const file = await packLog(paths, index, times);
        remember(key, {
          index: file,
          times: file.times,
          source: byteSource(paths, file.frames),
          isOpen: false,
        });
      } catch (error) {
        options.onAccident(entry.name, error instanceof Error ? error : new Error(String(error)));
      } finally {
        settled.delete(key);
      }
    });
  }

  async function listOf(jobId: string): Promise<LogName[]> {
    const { directory: place } = logPaths(directory, { jobId, lease: 1, step: 'any' });
    const names = new Map<string, LogName>();
    for (const file of await filesIn(place)) {
      const [, lease, step] = /^(\d+)-(.+?)(?:\.index\.json|\.log|\.log\.zst)$/.exec(file) ?? [];
      if (lease === undefined || step === undefined) continue;
      names.set(`${lease}-${step}`, { jobId, lease: Number(lease), step });
    }
    return [...names.values()].sort((a, b) => a.lease - b.lease);
  }

  async function* follow(
    name: LogName,
    from: number,
    count = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<LogLine[]> {
    const found = count < 1 ? null : await find(name);
    if (found === null) return;
    const { index, source, times } = found;
    const shown = (cut: CutLine): LogLine => shownLine(cut, times);
    const [line, offset] = checkpointBefore(index, from - 1);
    const cutter = createLineCutter({ line, offset }, { first: from - 1, end: from - 1 + count });
    for await (const piece of source.read(offset, index.bytes, lineBytesAtOnce)) {
      const lines = cutter.push(piece);
      if (lines.length > 0) yield lines.map(shown);
      if (cutter.isDone()) return;
    }
    yield cutter.rest().map(shown);
  }

  return {
    append,
    async close({ jobId, lease }) {
      for (const name of await listOf(jobId)) {
        if (name.lease !== lease) continue;
        // What the masks hold back is all that is missing; of what was begun by a process before this one, the end.
        await append(name, { offset: 0, bytes: new Uint8Array(), isEnd: true });
      }
      attempts.delete(`${jobId}/${lease}`);
    },
    async size(name): Promise<LogSize | null> {
      const found = await find(name);
      if (found === null) return null;
      const { index, isOpen } = found;
      return { bytes: index.bytes, lines: index.lines, isOpen };
    },
    async lines(name, from, count) {
      const lines: LogLine[] = [];
      for await (const group of follow(name, from, count)) lines.push(...group);
      return lines;
    },
    follow,
    async *raw(name) {
      const found = await find(name);
      if (found !== null) yield* found.source.read(0, found.index.bytes);
    },
    watch(name, changed) {
      const key = keyOf(name);
      const others = watchers.get(key) ?? new Set();
      watchers.set(key, others.add(changed));
      return () => {
        others.delete(changed);
        if (others.size === 0) watchers.delete(key);
      };
    },
    list: listOf,
    async jobs() {
      return (await filesIn(directory)).filter((file) => file.startsWith('job_'));
    },
    async remove(jobId) {
      const { directory: place } = logPaths(directory, { jobId, lease: 1, step: 'any' });
      let bytes = 0;
      for (const file of await filesIn(place)) bytes += (await sizeOf(join(place, file))) ?? 0;
      await rm(place, { recursive: true, force: true });
      for (const key of [...ended.keys()]) if (key.startsWith(`${jobId}/`)) ended.delete(key);
      return bytes;
    },
    attempts() {
      const each = new Map(
        [...open.values()].map(({ name }) => [`${name.jobId}/${name.lease}`, name]),
      );
      return [...each.values()].map(({ jobId, lease }) => ({ jobId, lease }));
    },
    async end() {
      await Promise.all([...open.values()].map(({ turn }) => turn));
      for (const { log } of open.values()) {
        await (await log).sync();
        await (await log).close();
      }
      open.clear();
      await packing;
    },
  };
}

function shownLine(cut: CutLine, times: readonly AppendTime[]): LogLine {
  const { index, text, updates, cutBytes, endOffset } = cut;
  return { n: index + 1, text, updates, cutBytes, at: timeAt(times, endOffset) };
}

/** When the byte before `offset` was kept. */
function timeAt(times: readonly AppendTime[], offset: number): Date | null {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle]?.[0] ?? 0) >= offset) high = middle;
    else low = middle + 1;
  }
  const found = times[low];
  return found === undefined ? null : new Date(found[1]);
}

async function filesIn(place: string): Promise<string[]> {
  try {
    return await readdir(place);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
