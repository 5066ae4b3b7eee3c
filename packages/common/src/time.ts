import { AirlockError } from './errors.ts';

export class TimeError extends AirlockError<'E_TIME_FORMAT'> {}

const timestamp = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{3})?Z$/;

/**
 * Reads a moment as our documents write it: RFC 3339, UTC, ending in Z, with seconds or milliseconds.
 *
 * @throws TimeError `E_TIME_FORMAT` for any other form, and for days that no calendar has (30 February).
 */
export function parseTimestamp(text: string): Date {
  const moment = new Date(text);
  if (!timestamp.test(text) || Number.isNaN(moment.getTime())) {
    throw new TimeError(
      'E_TIME_FORMAT',
      'a time such as 2026-11-22T10:00:00Z expected (UTC, ending in Z)',
    );
  }
  // Date rolls 30 February over to March instead of refusing it.
  const written = text.length === 20 ? `${text.slice(0, 19)}.000Z` : text;
  if (moment.toISOString() !== written) {
    throw new TimeError('E_TIME_FORMAT', `${text} is not a day and time of the calendar`);
  }
  return moment;
}

/** The form that our documents use: whole seconds, rounded down. */
export function formatTimestamp(moment: Date): string {
  return `${moment.toISOString().slice(0, 19)}Z`;
}
