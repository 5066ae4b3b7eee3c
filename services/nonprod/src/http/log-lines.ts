/** From pieces of a job's log to whole lines, each with the step that wrote it. */
import type { LogPiece } from '../app/page-queries.ts';

export interface LogLine {
  readonly step: string;
  readonly text: string;
}

/** A line longer than this is broken, so that a build that never ends its line cannot fill the page's memory. */
const maxLineLength = 8192;

export interface LineReader {
  /** Lines that this piece ends. */
  push(piece: LogPiece): LogLine[];
  /** What is left without a line end. */
  rest(): LogLine[];
}

export function createLineReader(): LineReader {
  let decoder = new TextDecoder();
  let step = '';
  let lease = -1;
  let open = '';

  const cut = (): LogLine[] => {
    const lines: LogLine[] = [];
    const parts = open.split('\n');
    open = parts.pop() ?? '';
    for (const part of parts) lines.push(...broken(part));
    while (open.length > maxLineLength) {
      lines.push({ step, text: open.slice(0, maxLineLength) });
      open = open.slice(maxLineLength);
    }
    return lines;
  };
  const broken = (text: string): LogLine[] => {
    // A progress bar rewrites its line; only what stands there in the end is shown.
    const shown = text.replace(/\r$/, '');
    return [{ step, text: shown.slice(shown.lastIndexOf('\r') + 1).slice(0, maxLineLength) }];
  };
  const flush = (): LogLine[] => {
    const lines = open === '' ? [] : broken(open);
    open = '';
    decoder = new TextDecoder();
    return lines;
  };

  return {
    push(piece) {
      const before = piece.step !== step || piece.lease !== lease ? flush() : [];
      if (piece.lease !== lease && lease !== -1) {
        before.push({ step: piece.step, text: 'The runner was lost; a new attempt starts here.' });
      }
      step = piece.step;
      lease = piece.lease;
      open += decoder.decode(piece.bytes, { stream: true });
      return [...before, ...cut()];
    },
    rest: flush,
  };
}
