/** A job's log as lines, read from the store piece by piece. */
import type { LogPiece, PageQueries } from '../app/page-queries.ts';
import { createLineReader, type LogLine } from './log-lines.ts';

const piecesAtOnce = 200;

type LogSource = Pick<PageQueries, 'log'>;

/** Every line there is; the last may not have ended yet. */
export async function* logLines(queries: LogSource, jobId: string): AsyncGenerator<LogLine> {
  const reader = createLineReader();
  for await (const piece of piecesOf(queries, jobId)) yield* reader.push(piece);
  yield* reader.rest();
}

async function* piecesOf(queries: LogSource, jobId: string): AsyncGenerator<LogPiece> {
  let after: { lease: number; sequence: number } | null = null;
  for (;;) {
    const pieces: readonly LogPiece[] = await queries.log(jobId, after, piecesAtOnce);
    yield* pieces;
    const last = pieces.at(-1);
    if (last === undefined || pieces.length < piecesAtOnce) return;
    after = { lease: last.lease, sequence: last.sequence };
  }
}

export interface NumberedLine extends LogLine {
  /** 1-based. */
  readonly n: number;
}

/** The last `limit` lines, numbered as in the whole log. */
export async function lastLines(
  queries: LogSource,
  jobId: string,
  limit: number,
): Promise<{ readonly lines: readonly NumberedLine[]; readonly total: number }> {
  const lines: NumberedLine[] = [];
  let total = 0;
  for await (const line of logLines(queries, jobId)) {
    total += 1;
    lines.push({ ...line, n: total });
    if (lines.length > 2 * limit) lines.splice(0, limit);
  }
  return { lines: lines.slice(-limit), total };
}

export interface LogFollower {
  /** The lines that ended since the call before; `more` when there is more to read at once. */
  next(): Promise<{ readonly lines: readonly NumberedLine[]; readonly more: boolean }>;
  /** What is left without a line end. */
  rest(): readonly NumberedLine[];
}

/** Follows a log that grows, from its beginning: only so are lines numbered alike for everybody. */
export function followLog(queries: LogSource, jobId: string): LogFollower {
  const reader = createLineReader();
  let after: { lease: number; sequence: number } | null = null;
  let n = 0;
  const numbered = (lines: readonly LogLine[]): NumberedLine[] =>
    lines.map((line) => {
      n += 1;
      return { ...line, n };
    });
  return {
    async next() {
      const pieces: readonly LogPiece[] = await queries.log(jobId, after, piecesAtOnce);
      const last = pieces.at(-1);
      if (last !== undefined) after = { lease: last.lease, sequence: last.sequence };
      return {
        lines: numbered(pieces.flatMap((piece) => reader.push(piece))),
        more: pieces.length === piecesAtOnce,
      };
    },
    rest: () => numbered(reader.rest()),
  };
}
