/** The known word that was probably meant: one letter more, less or another, or two changed about. Undefined without one. */
export function nearWord(written: string, known: readonly string[]): string | undefined {
  return known.find((word) => isNear(word, written));
}

function isNear(known: string, written: string): boolean {
  if (Math.abs(known.length - written.length) > 1 || known.length < 4) return false;
  let start = 0;
  while (start < known.length && known[start] === written[start]) start += 1;
  let [left, right] = [known.length, written.length];
  while (left > start && right > start && known[left - 1] === written[right - 1]) {
    left -= 1;
    right -= 1;
  }
  if (left - start <= 1 && right - start <= 1) return true;
  const [a, b] = [known.slice(start, left), written.slice(start, right)];
  return a.length === 2 && b.length === 2 && a[0] === b[1] && a[1] === b[0];
}
