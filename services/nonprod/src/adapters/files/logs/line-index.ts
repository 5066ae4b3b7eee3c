/** Where lines begin, one in a thousand of them: enough to find any line with little reading. */

/** A checkpoint is made after so many lines or bytes, whichever comes first. */
const linesBetween = 1_000;
const bytesBetween = 256 * 1024;

export interface LineIndex {
  /** The last one counts also when it has not ended. */
  readonly lines: number;
  readonly bytes: number;
  /** Line numbers counted from 0 and where they begin, ascending; the first is line 0 at 0. */
  readonly checkpoints: readonly (readonly [line: number, offset: number])[];
}

export interface GrowingLineIndex extends LineIndex {
  push(bytes: Uint8Array): void;
}

export function createLineIndex(): GrowingLineIndex {
  const checkpoints: [number, number][] = [[0, 0]];
  let ended = 0;
  let endsOpen = false;
  let size = 0;
  let lastLine = 0;
  let lastOffset = 0;
  return {
    checkpoints,
    get lines() {
      return ended + (endsOpen ? 1 : 0);
    },
    get bytes() {
      return size;
    },
    push(bytes) {
      for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) {
        ended += 1;
        const begins = size + at + 1;
        if (ended - lastLine >= linesBetween || begins - lastOffset >= bytesBetween) {
          checkpoints.push([ended, begins]);
          lastLine = ended;
          lastOffset = begins;
        }
      }
      if (bytes.length > 0) endsOpen = bytes.at(-1) !== 10;
      size += bytes.length;
    },
  };
}

/** The last checkpoint at or before a line counted from 0. */
export function checkpointBefore(
  { checkpoints }: LineIndex,
  line: number,
): readonly [number, number] {
  let low = 0;
  let high = checkpoints.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((checkpoints[middle]?.[0] ?? 0) <= line) low = middle;
    else high = middle - 1;
  }
  return checkpoints[low] ?? [0, 0];
}
