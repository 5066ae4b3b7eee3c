import type { Verdict } from './verdict.ts';

/** Whether nothing is missing but that somebody starts it, after which it may still be announced for a time. */
export function awaitsStart(verdict: Verdict): boolean {
  if (verdict.allowed) return false;
  const codes = verdict.reasons.map(({ code }) => code);
  return (
    codes.includes('E_START_AWAITED') &&
    codes.every((code) => code === 'E_START_AWAITED' || code === 'E_COOLING')
  );
}
