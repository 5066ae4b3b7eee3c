/** `2026.11.22-1`: the day in UTC and a number that counts up within the day. */
export function releaseDay(at: Date): string {
  return at.toISOString().slice(0, 10).replaceAll('-', '.');
}

/** @param taken every release name there is of that day; order does not matter. */
export function nextReleaseName(day: string, taken: readonly string[]): string {
  const numbers = taken.flatMap((name) => {
    const number = name.startsWith(`${day}-`) ? name.slice(day.length + 1) : '';
    return /^[1-9]\d{0,8}$/.test(number) ? [Number(number)] : [];
  });
  return `${day}-${Math.max(0, ...numbers) + 1}`;
}
