/** Stopping the gate and reading what is stopped, over the same JSON API that the pages use. */
import { Duration } from '@airlock/common/policy/duration';
import { z } from 'zod';
import { CliError, exitCode } from './exit-codes.ts';
import { safe } from './print.ts';
import type { WebSession } from './web-session.ts';

const Stop = z.looseObject({
  id: z.string(),
  kind: z.string(),
  targets: z.array(z.string()),
  matter: z.string().nullable(),
  since: z.string().nullable(),
  until: z.string().nullable(),
  except: z.array(z.string()),
  reason: z.string().nullable(),
  person: z.string(),
  placedAt: z.string(),
  effect: z.string(),
});
export type PlacedStop = z.infer<typeof Stop>;

const Stops = z.looseObject({
  stops: z.array(Stop.extend({ signedBy: z.array(z.string()) })),
  over: z.array(Stop),
  emergencyStopSince: z.string().nullable(),
});
export type ListedStops = z.infer<typeof Stops>;

const ShownStop = z.looseObject({
  stop: Stop,
  /** Null until the ledger has it. */
  incident: z
    .looseObject({
      summary: z.string(),
      timeline: z.array(
        z.looseObject({
          index: z.number(),
          at: z.string(),
          says: z.string(),
          afterMs: z.number(),
        }),
      ),
    })
    .nullable(),
});
export type ShownStop = z.infer<typeof ShownStop>;

/** As `POST /api/v1/stops` takes it; what is left out is not said. */
export type StopRequest = {
  readonly kind: string;
  readonly reason: string;
  readonly targets?: readonly string[];
  readonly matter?: string;
  readonly since?: string;
  readonly until?: string;
  readonly except?: readonly string[];
};

export const requestStop = async (session: WebSession, wish: StopRequest): Promise<PlacedStop> =>
  Stop.parse(await session.postJson('/api/v1/stops', wish));

export const readStops = async (session: WebSession): Promise<ListedStops> =>
  Stops.parse(await session.getJson('/api/v1/stops'));

export const readStop = async (session: WebSession, stopId: string): Promise<ShownStop> =>
  ShownStop.parse(await session.getJson(`/api/v1/stops/${stopId}`));

/** @param duration such as `2h`. @throws CliError `usage` */
export function secondsOf(option: string, duration: string): number {
  const parsed = Duration.safeParse(duration);
  if (parsed.success) return parsed.data;
  throw new CliError(
    exitCode.usage,
    `${option} ${JSON.stringify(duration)}: ${parsed.error.issues[0]?.message ?? 'not a duration'}`,
  );
}

/** Every member of the stop that is signed where it is lifted; what else the gate's page says of it is not among them. */
export function stopFacts(stop: PlacedStop): string[] {
  const { id, kind, targets, matter, since, until, except, reason, person, placedAt } = stop;
  const where = targets.length === 0 ? 'all targets' : safe(targets.join(', '));
  const place = matter === null ? where : `${safe(matter)} on ${where}`;
  return [
    `${safe(id)}  ${safe(kind)} of ${place}, by ${safe(person)} at ${moment(placedAt)}`,
    `  ${reason === null ? 'its row is gone; the ledger has it' : `“${safe(reason)}”`}`,
    ...(since === null ? [] : [`  of what was made since ${moment(since)}`]),
    ...(except.length === 0 ? [] : [`  let through: ${safe(except.join(', '))}`]),
    ...(until === null ? [] : [`  over by itself at ${moment(until)}`]),
  ];
}

/** For people: what is stopped, where, by whom and why, and what that does. */
export function stopLines(stop: PlacedStop): string[] {
  const facts = stopFacts(stop);
  // What it does stands below its reason: who reads on is told the details.
  return [...facts.slice(0, 2), `  ${safe(stop.effect)}`, ...facts.slice(2)];
}

/** What came of it: the measured time to effect, then entry by entry of the ledger. */
export function shownLines({ stop, incident }: ShownStop): string[] {
  if (incident === null) return [...stopLines(stop), '  The ledger has it within seconds.'];
  return [
    ...stopLines(stop),
    `  ${safe(incident.summary)}`,
    ...incident.timeline.map(({ index, at, says, afterMs }) => {
      const after = `+${(afterMs / 1000).toFixed(1)} s`;
      return `  ${after.padStart(10)}  ${moment(at)}  ${safe(says)} (entry ${index})`;
    }),
  ];
}

export function listLines({ stops, over, emergencyStopSince }: ListedStops): string[] {
  return [
    ...(emergencyStopSince === null
      ? []
      : [
          `! The emergency stop is set on the gate's host since ${moment(emergencyStopSince)}: nothing is taken in or delivered.`,
        ]),
    ...(stops.length === 0 && emergencyStopSince === null ? ['Nothing is stopped.'] : []),
    ...stops.flatMap((stop) => [
      ...stopLines(stop),
      `  start again: ${stop.signedBy.length} of 2 signed${stop.signedBy.length === 0 ? '' : ` (${stop.signedBy.join(', ')})`}`,
    ]),
    ...(over.length === 0 ? [] : ['Over']),
    ...over.map(({ id, kind, person, placedAt }) => {
      return `  ${safe(id)}  ${safe(kind)}, by ${safe(person)} at ${moment(placedAt)}`;
    }),
  ];
}

const moment = (time: string): string => safe(`${time.slice(0, 19)}Z`);
