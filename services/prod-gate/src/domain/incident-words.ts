/** How soon a stop did what it does, in the words that the page and the command line share. */
import { effectOf, type Effect, type Incident } from './incident.ts';
import type { StopKind } from './stop.ts';

/** What the others do begins with the stop itself and leaves nothing to measure. */
const endsWhatRuns: ReadonlySet<StopKind> = new Set([
  'stop-all',
  'revoke-leases',
  'quarantine',
  'distrust-signer',
]);

/** `3.1 s` below two minutes, then whole minutes and seconds. @param milliseconds what is negative counts as 0. */
export function spanText(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds / 1000);
  return seconds < 120
    ? `${seconds.toFixed(1)} s`
    : `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
}

/** The measured time to effect, and what is still open or alive. @param now as `effectOf` takes it. */
export function effectInWords(incident: Incident, now: Date): string {
  if (!endsWhatRuns.has(incident.stop.kind)) return 'In force from the moment that it was placed.';
  const effect = effectOf(incident, now);
  if (effect.deliveries === 0) return 'No delivery ran that it ends.';
  const done = doneIn(effect);
  const open = openIn(effect);
  const what = `It ends ${effect.deliveries === 1 ? '1 delivery' : `${effect.deliveries} deliveries`}`;
  return [
    done.length === 0 ? `${what}.` : `${what}: ${done.join(', ')}.`,
    ...(open.length === 0 ? [] : [`Still open: ${open.join('; ')}.`]),
  ].join(' ');
}

function doneIn({ seenMs, hooks, credentials }: Effect): readonly string[] {
  return [
    ...(seenMs === null ? [] : [`the deliverer saw it after ${spanText(seenMs)}`]),
    ...(hooks.lastMs === null
      ? []
      : [`${counted(hooks.ended, 'hook')} ended after ${spanText(hooks.lastMs)}`]),
    ...(credentials.lastMs === null
      ? []
      : [
          `last of ${counted(credentials.revoked, 'lease')} gone after ${spanText(credentials.lastMs)}`,
        ]),
  ];
}

function openIn({ hooks, credentials, living }: Effect): readonly string[] {
  const times = living.flatMap(({ until }) => (until === null ? [] : [until.getTime()]));
  const endless = living.length - times.length;
  return [
    ...(hooks.running === 0 ? [] : [`${counted(hooks.running, 'hook')} not seen to end`]),
    ...(hooks.unseen === 0
      ? []
      : [`${counted(hooks.unseen, 'hook')} whose deliverer died, so that nobody saw the end`]),
    ...(credentials.pending === 0
      ? []
      : [`${counted(credentials.pending, 'lease')} not proven gone`]),
    ...(times.length === 0
      ? []
      : [
          `${times.length} ${times.length === 1 ? 'lives' : 'live'} until ${momentText(new Date(Math.max(...times)))} at the latest`,
        ]),
    ...(endless === 0 ? [] : [`${counted(endless, 'credential')} to be replaced at Vault by hand`]),
  ];
}

const counted = (amount: number, unit: string): string =>
  `${amount} ${unit}${amount === 1 ? '' : 's'}`;

/** Down to the second and no earlier than it is. */
const momentText = (at: Date): string =>
  `${new Date(Math.ceil(at.getTime() / 1000) * 1000).toISOString().slice(0, 19)}Z`;
