/** What a promotion document says where it is to pass without its approvals and windows: who asked for that, and why. */
import { z } from 'zod';
import { Name } from '../wire/scalars.ts';

/** A justification is a sentence and not a word. */
export const leastJustification = 20;
export const longestJustification = 500;

export const BreakGlass = z.strictObject({
  person: Name.describe('Roster id of who asked.'),
  justification: z
    .string()
    .min(leastJustification)
    .max(longestJustification)
    .refine((text) => text.trim() === text, { message: 'begins or ends with white space' })
    .describe('Why it cannot wait, as everybody reads it.'),
});
export type BreakGlass = z.infer<typeof BreakGlass>;
