/** Whether a target's windows are open at a moment, and when they open next. */
import type { TargetWindows } from './target-windows.ts';

export type WindowState =
  | { readonly open: true }
  | {
      readonly open: false;
      /** Name of the denied days; null outside the allowed times. */
      readonly denied: string | null;
      /** To the second; null when they do not open within {@link horizonDays}. */
      readonly opensAt: Date | null;
    };

/** How far ahead is looked for the next opening. */
export const horizonDays = 400;

const dayMs = 86_400_000;
const minuteMs = 60_000;

type Rules = Pick<TargetWindows, 'allow' | 'deny'>;

/**
 * What counts is the wall clock of the window's time zone: an hour that comes twice is open twice, and a window that begins
 * in an hour that is left out begins when the clock has jumped.
 *
 * @param at a moment that is none (an invalid date) is in no window.
 */
export function windowState(windows: Rules, at: Date): WindowState {
  if (Number.isNaN(at.getTime())) return { open: false, denied: null, opensAt: null };
  if (isOpen(windows, at.getTime())) return { open: true };
  return {
    open: false,
    denied: deniedBy(windows, at.getTime()),
    opensAt: nextOpening(windows, at.getTime()),
  };
}

/**
 * Whether they were open at each moment from one to the other, both included. Of two moments in the wrong order `to`
 * alone counts. False for a moment that is none, and for more than {@link horizonDays} between the two.
 */
export function openThroughout(windows: Rules, from: Date, to: Date): boolean {
  const [first, last] = [Math.min(from.getTime(), to.getTime()), to.getTime()];
  // A moment that is none fails each of these.
  if (!(last - first <= horizonDays * dayMs)) return false;
  if (!isOpen(windows, first) || !isOpen(windows, last)) return false;
  const isWithin = (moment: number): boolean => first < moment && moment <= last;
  // They close where denied days begin or an allowed time ends, and were closed just before one begins, if only by a clock that is set back.
  const closings = windows.deny.flatMap(({ start, tz }) =>
    begins(Date.parse(`${start}T00:00:00Z`), tz),
  );
  const openings: number[] = [];
  for (const { rrule, from: opens, to: closes, tz } of windows.allow) {
    const day0 = Date.parse(`${wallClock(first, tz).day}T00:00:00Z`);
    for (let day = day0; day <= last + dayMs; day += dayMs) {
      if (!rrule.includes(new Date(day).getUTCDay())) continue;
      closings.push(...begins(day + closes * minuteMs, tz));
      openings.push(...begins(day + opens * minuteMs, tz));
    }
  }
  return (
    closings.filter(isWithin).every((moment) => isOpen(windows, moment)) &&
    openings.filter(isWithin).every((moment) => isOpen(windows, moment - 1))
  );
}

function isOpen(windows: Rules, at: number): boolean {
  if (deniedBy(windows, at) !== null) return false;
  if (windows.allow.length === 0) return true;
  return windows.allow.some(({ rrule, from, to, tz }) => {
    const { weekday, minutes } = wallClock(at, tz);
    return rrule.includes(weekday) && from <= minutes && minutes < to;
  });
}

function deniedBy({ deny }: Rules, at: number): string | null {
  const denied = deny.find(({ start, end, tz }) => {
    const { day } = wallClock(at, tz);
    return start <= day && day <= end;
  });
  return denied?.name ?? null;
}

function nextOpening(windows: Rules, after: number): Date | null {
  // Windows open where an allowed time begins or denied days end, and nowhere else.
  const moments = windows.deny.flatMap(({ end, tz }) => {
    const nextDay = Date.parse(`${end}T00:00:00Z`) + dayMs;
    return begins(nextDay, tz);
  });
  for (const { rrule, from, tz } of windows.allow) {
    const today = Date.parse(`${wallClock(after, tz).day}T00:00:00Z`);
    for (let day = today; day <= today + horizonDays * dayMs; day += dayMs) {
      if (rrule.includes(new Date(day).getUTCDay())) {
        moments.push(...begins(day + from * minuteMs, tz));
      }
    }
  }
  const latest = after + horizonDays * dayMs;
  const open = moments
    .filter((moment) => moment > after && moment <= latest)
    .sort((a, b) => a - b)
    .find((moment) => isOpen(windows, moment));
  return open === undefined ? null : new Date(open);
}

/**
 * The moments at which the clock of `tz` comes to show this time or, where it jumps over it, a later one.
 *
 * @param wall the time as if it were one of UTC.
 */
function begins(wall: number, tz: string): number[] {
  const candidates = [wall - offsetAt(wall - dayMs, tz), wall - offsetAt(wall + dayMs, tz)];
  const shown = candidates.filter((moment) => moment + offsetAt(moment, tz) === wall);
  if (shown.length > 0) return shown;
  // Left out: the two offsets lie around the jump, and the clock shows `wall` or more from the jump on.
  let [before, from] = [Math.min(...candidates), Math.max(...candidates)];
  while (from - before > 1000) {
    const middle = Math.floor((before + from) / 2000) * 1000;
    if (middle + offsetAt(middle, tz) < wall) before = middle;
    else from = middle;
  }
  return [from];
}

/** How far the clock of `tz` is ahead of UTC, in milliseconds. */
function offsetAt(at: number, tz: string): number {
  const { day, minutes, seconds } = wallClock(at, tz);
  const wall = Date.parse(`${day}T00:00:00Z`) + minutes * minuteMs + seconds * 1000;
  return wall - Math.floor(at / 1000) * 1000;
}

type WallClock = {
  /** `YYYY-MM-DD`. */
  readonly day: string;
  /** Sunday 0. */
  readonly weekday: number;
  /** Since midnight. */
  readonly minutes: number;
  readonly seconds: number;
};

function wallClock(at: number, tz: string): WallClock {
  const parts = new Map(
    clockOf(tz)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  );
  const part = (name: Intl.DateTimeFormatPartTypes): string => parts.get(name) ?? '';
  const day = `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`;
  return {
    day,
    weekday: new Date(`${day}T00:00:00Z`).getUTCDay(),
    minutes: Number(part('hour')) * 60 + Number(part('minute')),
    seconds: Number(part('second')),
  };
}

/** Making one takes a hundred times as long as asking it. */
const clocks = new Map<string, Intl.DateTimeFormat>();

function clockOf(tz: string): Intl.DateTimeFormat {
  const known = clocks.get(tz);
  if (known !== undefined) return known;
  const clock = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone: tz, hourCycle: 'h23', calendar: 'iso8601', numberingSystem: 'latn' },
    ...{ year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
  });
  clocks.set(tz, clock);
  return clock;
}
