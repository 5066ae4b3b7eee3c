/** The part of a target file that says who must agree, and who never counts. */
import { z } from 'zod';
import { ConditionError, parseCondition } from './approval-condition.ts';
import { Duration } from './duration.ts';

export const Role = z.enum(['developer', 'release-manager', 'security', 'platform', 'auditor']);
export type Role = z.infer<typeof Role>;

/** Most rules of a target, and most people that one rule asks for. */
const maxRules = 8;
const maxCount = 10;

const Count = z.number().int().min(1).max(maxCount);

const When = z
  .string()
  .describe(
    'When the rule applies, such as delta.paths matches "^infra/" || delta.newDependencies > 0. Default: always.',
  )
  .superRefine((text, context) => {
    try {
      parseCondition(text);
    } catch (cause) {
      if (!(cause instanceof ConditionError)) throw cause;
      context.addIssue({
        code: 'custom',
        message: `at its character ${cause.at} it ${cause.message}`,
      });
    }
  });

export const ApprovalRule = z.strictObject({
  role: Role.describe('Role that the people must have.'),
  count: Count.describe('How many different people (1-10).'),
  when: When.optional(),
});
export type ApprovalRule = z.infer<typeof ApprovalRule>;

/** A rule as it applies to one promotion: its condition is decided. */
export type NeededRule = { readonly role: Role; readonly count: number };

export const Excluded = z.enum(['requester', 'authors', 'committers', 'mergers', 'policyEditors']);
export type Excluded = z.infer<typeof Excluded>;

const always = ['requester', 'authors', 'committers'] as const satisfies readonly Excluded[];

export const TargetApprovals = z.strictObject({
  rules: z
    .array(ApprovalRule)
    .min(1)
    .max(maxRules)
    .describe(
      'All rules that apply must be met (1-8), by different people: an approval fills one seat of one rule. One rule at least applies always.',
    )
    .refine((rules) => rules.some(({ when }) => when === undefined), {
      message: 'every rule has a `when`, so that nobody might be asked; give one rule none',
    }),
  exclude: z
    .array(Excluded)
    .describe(
      'Who never counts: requester, authors and committers at least; mergers (who made the merge commits of main) and policyEditors (who signed the configuration since the last delivery) beside them.',
    )
    .refine((list) => always.every((who) => list.includes(who)), {
      message: 'requester, authors and committers never count; list all three',
    })
    .refine((list) => new Set(list).size === list.length, {
      message: 'the same stands twice; keep one',
    }),
  expires: Duration.describe('How long a promotion waits and an approval counts, such as 24h.'),
});
export type TargetApprovals = z.infer<typeof TargetApprovals>;
