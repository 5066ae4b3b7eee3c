/** Part of the target file: who hears of its promotions and deliveries, and when somebody is reminded. */
import { z } from 'zod';
import { Duration } from './duration.ts';
import { Role } from './target-approvals.ts';

export const TargetNotify = z
  .strictObject({
    channels: z
      .array(
        z
          .string()
          .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected the name of a channel, such as chat'),
      )
      .max(8)
      .default([])
      .describe('Channels of intake’s configuration that hear of everything here. Default none.'),
    remindAfter: z
      .array(Duration)
      .max(5)
      .default([1800, 14_400])
      .describe(
        'When those who may still decide are reminded, counted from admission. Default 30m and 4h; [] never.',
      ),
    escalate: z
      .strictObject({
        after: Duration.describe('Counted from admission, such as 8h.'),
        role: Role.describe('Everybody with this role is told that nobody decides.'),
      })
      .optional()
      .describe('Who is told when nobody decides. Left out: nobody.'),
    expiryNotice: Duration.default(7200).describe(
      'How long before it expires those who may decide are told. Default 2h.',
    ),
  })
  .describe(
    'Who hears of it. Mail to those who may decide goes out without any of this, where intake is configured for mail and the roster has their addresses.',
  );

/** What is so where the target file says nothing; seconds. */
export const notifyDefaults = { channels: [], remindAfter: [1800, 14_400], expiryNotice: 7200 };
