/** A fact about a job that somebody wants to know of, with what it was seen by. */
import { z } from 'zod';

const LineRange = z.object({
  step: z.string(),
  from: z.number().int().positive(),
  to: z.number().int().positive(),
});

export const Flag = z.object({
  /** `suspicious`: it looks like an attack, and is not promoted before a person has looked. `unusual`: it only informs. */
  kind: z.enum(['suspicious', 'unusual']),
  /** Such as `miner`. */
  rule: z.string(),
  /** One sentence, with the figure and what is usual where there is one. */
  text: z.string(),
  /** Where it stands in the log; null when it is not of the log. */
  lines: LineRange.nullable(),
});
export type Flag = z.infer<typeof Flag>;

export const Flags = z.array(Flag);

export const isSuspicious = (flags: readonly Flag[]): boolean =>
  flags.some(({ kind }) => kind === 'suspicious');

/** Why a run may not be asked for, while it is suspicious and nobody has looked at it; null when it may. */
export function openSuspicion(seen: {
  readonly flags: readonly Flag[];
  readonly review: object | null;
}): string | null {
  if (seen.review !== null || !isSuspicious(seen.flags)) return null;
  const rules = seen.flags.flatMap(({ kind, rule }) => (kind === 'suspicious' ? [rule] : []));
  return `Its build is suspicious (${[...new Set(rules)].join(', ')}), and nobody has looked at it yet`;
}

/** The one word of a run on a list. */
export function markOf(seen: {
  readonly suspicious: boolean;
  readonly reviewed: boolean;
}): 'suspicious' | 'reviewed' | 'unusual' {
  if (!seen.suspicious) return 'unusual';
  return seen.reviewed ? 'reviewed' : 'suspicious';
}
