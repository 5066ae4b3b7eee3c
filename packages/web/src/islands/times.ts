/**
 * Moments of a page in this browser's time zone, where somebody chose that with `u` or in the footer; else in UTC, as they came.
 * What has `data-utc` stays: the ledger is compared with other people's copies.
 */
const setting = 'times';
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
/** Where this is false there is nothing to turn. */
export const isElsewhere = timeZone !== 'UTC';

/** The words of time.tsx: the moment in UTC, and how long ago that is where it is recent. */
const words = /^.+ UTC( \(.+\))?$/;
const inUtc = new WeakMap<HTMLTimeElement, string>();

const isLocal = (): boolean => localStorage.getItem(setting) === 'local';

export const timesLabel = (): string => (isLocal() ? 'Times in UTC' : `Times of ${timeZone}`);

export function turnTimes(): void {
  localStorage.setItem(setting, isLocal() ? 'utc' : 'local');
  showTimes();
}

function localText(at: Date): string {
  const isThisYear = at.getFullYear() === new Date().getFullYear();
  return at.toLocaleString('en-US', {
    ...(isThisYear ? {} : { year: 'numeric' }),
    ...{ month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' },
    ...{ hourCycle: 'h23', timeZoneName: 'short' },
  });
}

/** Writes the page's moments and its footer in the chosen zone. */
export function showTimes(): void {
  const local = isLocal();
  for (const time of document.querySelectorAll<HTMLTimeElement>('time:not([data-utc])')) {
    const before = inUtc.get(time) ?? time.textContent;
    const found = words.exec(before);
    if (found === null) continue;
    inUtc.set(time, before);
    time.textContent = local ? localText(new Date(time.dateTime)) + (found[1] ?? '') : before;
  }
  const note = document.querySelector('#times-note');
  if (note !== null) {
    note.textContent = local
      ? `Times are those of ${timeZone}, but UTC where they say so.`
      : 'All times are UTC.';
  }
  const button = document.querySelector<HTMLButtonElement>('#times-button');
  if (button !== null) button.textContent = timesLabel();
}

const button = document.querySelector<HTMLButtonElement>('#times-button');
if (button !== null && isElsewhere) {
  button.hidden = false;
  button.addEventListener('click', turnTimes);
  showTimes();
}
