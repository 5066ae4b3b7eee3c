/** Looking at a run that is suspicious: by somebody else than those whose build it is. */
import { z } from 'zod';

export const ReviewReason = z.string().trim().min(5, 'say what you looked at').max(500);

/** Why this person may not look at it for the others; null when they may. */
export function reviewRefusal(
  /** Everybody who started it or a part of it, and whom its commit names as author. */
  theirs: readonly string[],
  reviewer: string,
): string | null {
  const same = (one: string): boolean => one.toLowerCase() === reviewer.toLowerCase();
  return theirs.some(same)
    ? 'You started this run, or wrote its commit. Ask another owner of the repository to look.'
    : null;
}
