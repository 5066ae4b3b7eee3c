/** The part of a target file that says whether, and by whom, a release may be delivered without its approvals and windows. */
import { z } from 'zod';
import { Review } from './review-time.ts';
import { Role } from './target-approvals.ts';

export const TargetBreakGlass = z.strictObject({
  approvals: z
    .array(
      z.strictObject({
        role: Role.describe('Role that the people must have.'),
        count: z.number().int().min(1).max(10).describe('How many different people (1-10).'),
      }),
    )
    .min(1)
    .max(8)
    .describe(
      'Who must approve instead of approvals.rules (1-8 rules), each with a passkey. Whoever asked for, wrote or committed the release never counts here either.',
    ),
  review: z
    .strictObject({
      count: z
        .number()
        .int()
        .min(2)
        .max(10)
        .describe('How many others must sign that they looked at it (2-10).'),
      within: Review.describe('In what time, at most 24h. After it the target is frozen.'),
    })
    .describe('What is owed for it afterwards.'),
});
export type TargetBreakGlass = z.infer<typeof TargetBreakGlass>;
