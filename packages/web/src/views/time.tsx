const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

const dayAndTime = new Intl.DateTimeFormat('en-US', {
  timeZone: 'UTC',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const withYear = new Intl.DateTimeFormat('en-US', {
  timeZone: 'UTC',
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

/**
 * A moment in words: always the absolute time in UTC, and how long ago or how soon only within 12 hours, since a day that
 * folds into "2 days ago" is the commonest complaint about deployment pages.
 */
export function timeText(at: Date, now: Date): string {
  const format = at.getUTCFullYear() === now.getUTCFullYear() ? dayAndTime : withYear;
  const absolute = `${format.format(at)} UTC`;
  const relative = relativeText(at.getTime() - now.getTime());
  return relative === null ? absolute : `${absolute} (${relative})`;
}

function relativeText(distanceMs: number): string | null {
  const distance = Math.abs(distanceMs);
  if (distance >= 12 * hourMs) return null;
  if (distance < minuteMs) return distanceMs > 0 ? 'in less than a minute' : 'just now';
  const words =
    distance < hourMs
      ? count(Math.floor(distance / minuteMs), 'minute')
      : count(Math.floor(distance / hourMs), 'hour');
  return distanceMs > 0 ? `in ${words}` : `${words} ago`;
}

const count = (amount: number, unit: string): string =>
  `${amount} ${unit}${amount === 1 ? '' : 's'}`;

/** @param utc stays in UTC, whatever zone somebody reads the page in (see islands/times.ts). */
export function Time({
  at,
  now,
  utc = false,
}: {
  readonly at: Date;
  readonly now: Date;
  readonly utc?: boolean;
}) {
  const iso = at.toISOString();
  return (
    <time dateTime={iso} title={iso} {...(utc ? { 'data-utc': '' } : {})}>
      {timeText(at, now)}
    </time>
  );
}
