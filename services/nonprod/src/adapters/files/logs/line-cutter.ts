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
  /** The lines that these bytes end. */
  push(bytes: Uint8Array): CutLine[];
  /** What is left without a line end. */
  rest(): CutLine[];
}

/** @param from the number of the first line, counted from 0, and where it begins. */
export function createLineCutter(from: {
  readonly line: number;
  readonly offset: number;
}): LineCutter {
  let index = from.line;
  let offset = from.offset;
  let parts: Uint8Array[] = [];
  let collected = 0;
  let updates = 0;
  let cutBytes = 0;

  /** A progress bar writes over its line for hours: only the last state of it is kept. */
  function collect(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
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
    const whole = Buffer.concat(parts);
    const line = whole.at(-1) === 13 ? whole.subarray(0, -1) : whole;
    const last = line.lastIndexOf(13);
    let rewritten = updates;
    for (let at = line.indexOf(13); at >= 0; at = line.indexOf(13, at + 1)) rewritten += 1;
    const state = line.subarray(last + 1);
    const text = state.toString('utf8');
    const shown = text.length > maxLineLength ? text.slice(0, maxLineLength).toWellFormed() : text;
    const cut = {
      index,
      text: shown,
      updates: rewritten,
      cutBytes: cutBytes + (shown === text ? 0 : state.length - Buffer.byteLength(shown)),
      endOffset: offset,
    };
    index += 1;
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
      for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, begins)) {
        collect(bytes.subarray(begins, at));
        offset += at + 1 - begins;
        begins = at + 1;
        lines.push(finish());
      }
      const rest = bytes.subarray(begins);
      // A copy: the reader's buffer is used again.
      collect(Uint8Array.from(rest));
      offset += rest.length;
      return lines;
    },
    rest: () => (collected === 0 && updates === 0 ? [] : [finish()]),
  };
}
