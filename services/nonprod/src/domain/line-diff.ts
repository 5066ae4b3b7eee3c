/** Which lines of a text went and which came. */

export interface DiffLine {
  readonly kind: 'same' | 'gone' | 'new';
  readonly text: string;
}

/** Comparing takes lines × lines; beyond this a text is shown as wholly gone and the other as wholly new. */
const maxCells = 4_000_000;

/** The shortest difference by whole lines; null stands for a file that is not there. */
export function lineDiff(before: string | null, after: string | null): DiffLine[] {
  const old = linesOf(before);
  const now = linesOf(after);
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let end = 0;
  const most = Math.min(old.length, now.length) - start;
  while (end < most && old[old.length - 1 - end] === now[now.length - 1 - end]) end += 1;
  const as = (kind: DiffLine['kind'], lines: readonly string[]): DiffLine[] =>
    lines.map((text) => ({ kind, text }));
  const middle = [old.slice(start, old.length - end), now.slice(start, now.length - end)] as const;
  return [
    ...as('same', old.slice(0, start)),
    ...between(...middle),
    ...as('same', old.slice(old.length - end)),
  ];
}

function between(old: readonly string[], now: readonly string[]): DiffLine[] {
  if (old.length * now.length > maxCells) {
    return [
      ...old.map((text) => ({ kind: 'gone' as const, text })),
      ...now.map((text) => ({ kind: 'new' as const, text })),
    ];
  }
  const width = now.length + 1;
  // longest[i * width + j]: lines in common of old from i and now from j.
  const longest = new Uint32Array((old.length + 1) * width);
  const at = (i: number, j: number): number => longest[i * width + j] ?? 0;
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] =
        old[i] === now[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < now.length) {
    const [gone, come] = [old[i], now[j]];
    if (gone !== undefined && gone === come) {
      lines.push({ kind: 'same', text: gone });
      i += 1;
      j += 1;
    } else if (gone !== undefined && (come === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ kind: 'gone', text: gone });
      i += 1;
    } else if (come !== undefined) {
      lines.push({ kind: 'new', text: come });
      j += 1;
    }
  }
  return lines;
}

function linesOf(text: string | null): string[] {
  if (text === null || text === '') return [];
  return text.replace(/\n$/, '').split('\n');
}
