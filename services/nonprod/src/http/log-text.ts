/** Lines of a log as pages, their JSON and their stream show them: text and classes, never markup. */
import type { LogLine, LogReader, LogName } from '../app/log-ports.ts';
import type { ShownLine } from '@airlock/web/views/log-window';
import { firstFailingLine } from '../domain/first-failure.ts';
import { ansiSpans, plainText } from './views/ansi.ts';

export function shownLine({ n, text, updates, cutBytes, at }: LogLine): ShownLine {
  return {
    n,
    spans: ansiSpans(text),
    at: at?.toISOString() ?? null,
    ...(updates === 0 ? {} : { updates }),
    ...(cutBytes === 0 ? {} : { cutBytes }),
  };
}

/** How far up the cause of a failure is looked for. */
const failureLines = 500;

/** The line that says why the step failed, by number; null when it wrote nothing. */
export async function failingLine(
  reader: LogReader,
  name: LogName,
): Promise<{ readonly n: number; readonly text: string } | null> {
  const size = await reader.size(name);
  if (size === null || size.lines === 0) return null;
  const from = Math.max(1, size.lines - failureLines + 1);
  const lines = (await reader.lines(name, from, failureLines)).map(({ text }) => plainText(text));
  const at = firstFailingLine(lines);
  return at === null ? null : { n: from + at, text: lines[at] ?? '' };
}

const searchMs = 3_000;
const maxMatches = 1_000;

export interface FoundLines {
  readonly lines: readonly number[];
  /** Where to go on; null when the whole log was searched. */
  readonly continueAt: number | null;
}

/** Numbers of the lines that hold `text` in whatever case, within bounds of time and number. */
export async function searchLog(
  reader: LogReader,
  name: LogName,
  { text, from, isWanted }: { text: string; from: number; isWanted: () => boolean },
): Promise<FoundLines> {
  const sought = text.toLowerCase();
  const lines: number[] = [];
  const until = performance.now() + searchMs;
  for await (const group of reader.follow(name, from)) {
    for (const line of group) {
      const isOver = line.n % 1_000 === 0 && (performance.now() > until || !isWanted());
      if (lines.length >= maxMatches || isOver) return { lines, continueAt: line.n };
      // Most lines hold no sequence that would have to be taken out first.
      const plain = line.text.includes('\u001b') ? plainText(line.text) : line.text;
      if (plain.toLowerCase().includes(sought)) lines.push(line.n);
    }
  }
  return { lines, continueAt: null };
}
