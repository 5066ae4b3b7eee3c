import { constants as osConstants } from 'node:os';

/** Such as `SIGKILL` for 9; null for what is no signal. */
export function signalName(number: number): string | null {
  return Object.entries(osConstants.signals).find(([, value]) => value === number)?.[0] ?? null;
}
