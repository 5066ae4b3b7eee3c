/** From bytes to lines as people read them, with bounded memory whatever the bytes are. */

/** What is shown of one line, in UTF-16 units. */
export const maxLineLength = 8_192;
/** What is collected of one line that does not end. */
const maxCollected = 64 * 1024;

export interface CutLine {
  /** Counted from 0. */
  readonly index: number;
  readonly text: string;
  readonly updates: number;
  readonly cutBytes: number;
  /** Behind the line's last byte. */
  readonly endOffset: number;
}

export interface LineCutter {
  /** Of the wanted lines those that these bytes end. */
  push(bytes: Buffer): CutLine[];
  /** Every wanted line was given. */
  isDone(): boolean;
  /** What is left without a line end. */
  rest(): CutLine[];
}

/**
 * @param from the number of the first line that is pushed, counted from 0, and where it begins.
 * @param wanted lines before `first` are counted and not read, those from `end` on are not looked at.
 */
export function createLineCutter(
  from: { readonly line: number; readonly offset: number },
  wanted: { readonly first: number; readonly end: number },
): LineCutter {
  let index = from.line;
  let offset = from.offset;
  let parts: Buffer[] = [];
  let collected = 0;
  let updates = 0;
  let cutBytes = 0;

  /** A progress bar writes over its line for hours: only the last state of it is kept. */
  function collect(bytes: Buffer): void {
    if (bytes.length === 0 || index < wanted.first) return;
    const room = maxCollected - collected;
    if (bytes.length <= room) {
      parts.push(bytes);
      collected += bytes.length;
      return;
    }
    const all = Buffer.concat([...parts, bytes]);
    const last = all.lastIndexOf(13, -2);
    for (let at = all.indexOf(13); at >= 0 && at <= last; at = all.indexOf(13, at + 1))
      updates += 1;
    const state = all.subarray(last + 1);
    const kept = Buffer.from(state.subarray(0, maxCollected));
    cutBytes = (last >= 0 ? 0 : cutBytes) + state.length - kept.length;
    parts = [kept];
    collected = kept.length;
  }

  function finish(): CutLine {
    // Most lines lie in one piece.
    const whole = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
    const line = whole.at(-1) === 13 ? whole.subarray(0, -1) : whole;
    const last = line.lastIndexOf(13);
    let rewritten = updates;
    for (let at = last; at >= 0; at = at === 0 ? -1 : line.lastIndexOf(13, at - 1)) rewritten += 1;
    const text = line.toString('utf8', last + 1);
    const shown = text.length > maxLineLength ? text.slice(0, maxLineLength).toWellFormed() : text;
    const cut = {
      index,
      text: shown,
      updates: rewritten,
      cutBytes: cutBytes + (shown === text ? 0 : line.length - last - 1 - Buffer.byteLength(shown)),
      endOffset: offset,
    };
    parts = [];
    collected = 0;
    updates = 0;
    cutBytes = 0;
    return cut;
  }

  return {
    push(bytes) {
      const lines: CutLine[] = [];
      let begins = 0;
      while (index < wanted.end) {
        const at = bytes.indexOf(10, begins);
        if (at < 0) break;
        collect(bytes.subarray(begins, at));
        offset += at + 1 - begins;
        begins = at + 1;
        if (index >= wanted.first) lines.push(finish());
        index += 1;
      }
      if (index >= wanted.end) return lines;
      const rest = bytes.subarray(begins);
      // A copy: the reader's buffer is used again.
      collect(Buffer.from(rest));
      offset += rest.length;
      return lines;
    },
    isDone: () => index >= wanted.end,
    rest: () => (collected === 0 && updates === 0 ? [] : [finish()]),
  };
}
