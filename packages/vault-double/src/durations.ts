/** Durations as Go writes and reads them. */

/** `20h0m0s`. */
export function goDuration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return `${hours > 0 ? `${hours}h` : ''}${hours + minutes > 0 ? `${minutes}m` : ''}${seconds % 60}s`;
}

/** `20h`: the same without the zeros at the end, as Vault's warnings have it. */
export function shortDuration(seconds: number): string {
  return goDuration(seconds)
    .replace(/(?<=m)0s$/, '')
    .replace(/(?<=h)0m$/, '');
}

/** Seconds of `90`, `90s`, `15m`, `1h30m`, also below zero; null for everything else. */
export function parseDuration(text: string): number | null {
  if (/^-?\d+$/.test(text)) return Number(text);
  const match = /^(-?)(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text);
  if (match === null) return null;
  const [, sign = '', hours = '0', minutes = '0', seconds = '0'] = match;
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return sign === '-' ? -total : total;
}
