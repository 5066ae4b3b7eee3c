/** A moment as people read it, to the minute and in UTC. @throws RangeError for one that is none. */
export function moment(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** The moment that an entry of the ledger says; null where it says none, or one that is no time. */
export function momentIn(text: string | undefined): Date | null {
  if (text === undefined) return null;
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? null : at;
}
