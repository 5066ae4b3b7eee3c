/** The part of a target file that says when it may be delivered. */
import { z } from 'zod';
import { Review } from './review-time.ts';
import { Role } from './target-approvals.ts';

/** Of a week, as RFC 5545 writes them; Sunday first, as `Date` counts. */
const days = ['SU', 'MO', 'TU', 'WE', 'TH', 'FR', 'SA'] as const;

/** `HH:MM`, `24:00` for the end of the day; becomes minutes since midnight. */
const Clock = z
  .string()
  .regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'expected a time of day such as 09:00')
  .transform((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)));

const TimeZone = z
  .string()
  .describe('Time zone of the IANA database, such as Europe/Brussels, or UTC.')
  .refine((name) => (name === 'UTC' || name.includes('/')) && isTimeZone(name), {
    message: 'is no time zone of the IANA database; write one such as Europe/Brussels, or UTC',
  });

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch (cause) {
    if (cause instanceof RangeError) return false;
    throw cause;
  }
}

const form = /^FREQ=WEEKLY;BYDAY=((?:SU|MO|TU|WE|TH|FR|SA)(?:,(?:SU|MO|TU|WE|TH|FR|SA))*)$/;

/** Becomes the days of the week, Sunday 0. */
const Weekly = z
  .string()
  .regex(form, 'only FREQ=WEEKLY;BYDAY=MO,TU,… is understood; list the days of the week that way')
  .transform((text) => {
    const named = form.exec(text)?.[1]?.split(',') ?? [];
    return days.flatMap((day, index) => (named.includes(day) ? [index] : []));
  });

const CalendarDay = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/, 'expected a day such as 2026-12-18')
  .refine(
    (text) => {
      const time = new Date(`${text}T00:00:00Z`);
      return !Number.isNaN(time.getTime()) && time.toISOString().slice(0, 10) === text;
    },
    { message: 'there is no such day' },
  );

export const AllowedWindow = z
  .strictObject({
    rrule: Weekly.describe('Days of the week, as RFC 5545: FREQ=WEEKLY;BYDAY=MO,TU,WE,TH.'),
    from: Clock.describe('From this time of day on, in tz.'),
    to: Clock.describe('Until this time of day, which is outside; 24:00 is the end of the day.'),
    tz: TimeZone,
  })
  .refine(({ from, to }) => from < to, {
    path: ['to'],
    message: 'ends before it begins; write a window over midnight as two',
  });

export const DeniedWindow = z
  .strictObject({
    name: z.string().min(1).max(63).describe('What people read, such as year-end.'),
    start: CalendarDay.describe('First day without deliveries.'),
    end: CalendarDay.describe('Last day without deliveries, the same as start or later.'),
    tz: TimeZone.default('UTC').describe('Where these days begin and end. Default UTC.'),
  })
  .refine(({ start, end }) => start <= end, {
    path: ['end'],
    message: 'lies before start; exchange them',
  });

export const TargetWindows = z.strictObject({
  allow: z
    .array(AllowedWindow)
    .max(32)
    .default([])
    .describe('When deliveries may start; one that fits is enough. Default: at all times.'),
  deny: z
    .array(DeniedWindow)
    .max(64)
    .default([])
    .describe('Days without deliveries; they go before allow. Default none.'),
  override: z
    .strictObject({
      role: Role,
      count: z.number().int().min(1).max(10).describe('How many different people (1-10).'),
      reason: z
        .literal('required')
        .describe('Whoever asks for it says why; it is part of what is signed.'),
      review: Review.describe(
        'Within this time, at most 24h, two others look at it, or the target is frozen.',
      ),
    })
    .optional()
    .describe(
      'Who approves, beside those of the rules, that a promotion passes outside the windows. Default: nobody, it waits.',
    ),
});
export type TargetWindows = z.infer<typeof TargetWindows>;
