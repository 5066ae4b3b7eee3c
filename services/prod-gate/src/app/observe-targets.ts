/**
 * Looks at what runs on each target whose file asks for it, between deliveries: one target at a time, without a credential,
 * and not while anything is being delivered there or everything is stopped. A delivery never waits for it.
 */
import { formatId } from '@airlock/common/ids';
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProvenRelease } from '../domain/ledger-facts.ts';
import {
  afterLook,
  isLookDue,
  longestLookSeconds,
  stopsLooking,
  type Look,
  type Observation,
} from '../domain/observation.ts';
import type { DeliveryStore } from './delivery-ports.ts';
import { eachInTurn } from './each-in-turn.ts';
import type { FollowLedger } from './follow-ledger.ts';
import type { Recorder } from './ledger-ports.ts';
import type { ObservationStore, ObserveHooks } from './observation-ports.ts';
import type { Transactor } from './ports.ts';
import type { EmergencyStop, StopStore } from './stop-ports.ts';
import { readStops } from './watch-stops.ts';

/** How soon a look ends after a delivery begins or a stop is placed. */
const heedMs = 500;

/** Beyond the longest look: the claim of a deliverer that was killed is over then. */
const claimSpareSeconds = 15;

/** Of a signed target file. */
export type ObservedFile = { readonly policy: Pick<TargetPolicy, 'observe' | 'deliver'> };

export type ObserveDependencies = {
  readonly files: () => Promise<{ readonly targets: ReadonlyMap<string, ObservedFile> }>;
  readonly ledger: FollowLedger;
  readonly deliveries: Pick<DeliveryStore, 'runningOn'>;
  readonly stops: Pick<StopStore, 'recent'>;
  readonly emergency: EmergencyStop;
  readonly observations: ObservationStore;
  readonly hooks: ObserveHooks;
  readonly transactor: Transactor;
  readonly recorder: Recorder;
  readonly clock: () => Date;
  readonly random: () => number;
  readonly randomBytes: (size: number) => Uint8Array;
  /** Told of what was seen otherwise than by the look before. */
  readonly onChange: (observation: Observation) => void;
};

/** One pass over all targets. @param signal ends it, with the look that runs. */
export async function observeTargets(
  dependencies: ObserveDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { targets } = await dependencies.files();
  await eachInTurn([...targets.keys()], async (target) => {
    if (!signal.aborted) await observeTarget(dependencies, target, signal);
  });
}

async function observeTarget(
  dependencies: ObserveDependencies,
  target: string,
  signal: AbortSignal,
): Promise<void> {
  const { observations, clock } = dependencies;
  // Asked for each target anew: a look at the one before may have taken a while.
  const { targets } = await dependencies.files();
  const { observe, deliver } = targets.get(target)?.policy ?? {};
  if (observe === undefined || deliver === undefined) return;
  const live = await provenLive(dependencies, target);
  if (live === null) return;
  const everySeconds = observe.every;
  const known = await observations.of(target);
  if (!isLookDue(known, { live, everySeconds, now: clock() })) return;
  if (await mustNotLook(dependencies, target)) return;

  const limitSeconds = Math.min(everySeconds, longestLookSeconds);
  const id = formatId('obs', dependencies.randomBytes(10));
  const seconds = limitSeconds + claimSpareSeconds;
  if (!(await observations.claim(target, { id, seconds }))) return;
  try {
    const look = await heeding(dependencies, { target, signal }, (ending) =>
      dependencies.hooks.look({
        ...{ id, hook: observe.hook, params: observe.params, egress: deliver.egress },
        ...{ live, limitSeconds, signal: ending },
      }),
    );
    // What is delivered meanwhile makes what was seen say nothing.
    const isLive = (await provenLive(dependencies, target))?.deliveryId === live.deliveryId;
    if (look === null || !isLive) return;
    await keep(dependencies, { id, live, look, everySeconds });
  } finally {
    await observations.release(target, id);
  }
}

/** Null also while the ledger cannot be proven: then nothing is known that could be compared with. */
async function provenLive(
  { ledger }: ObserveDependencies,
  target: string,
): Promise<ProvenRelease | null> {
  try {
    return (await ledger()).liveOn(target);
  } catch (cause) {
    if (cause instanceof LedgerError) return null;
    throw cause;
  }
}

async function mustNotLook(
  { emergency, deliveries, stops, ledger, clock }: ObserveDependencies,
  target: string,
): Promise<boolean> {
  // First, because it needs no service.
  if (emergency() !== null) return true;
  if ((await deliveries.runningOn(target)) !== null) return true;
  let facts = null;
  try {
    facts = await ledger();
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause;
  }
  return stopsLooking(await readStops(stops, facts, clock()), target) !== null;
}

/** @returns null when it was ended before it could say anything that counts. */
async function heeding(
  dependencies: ObserveDependencies,
  { target, signal }: { readonly target: string; readonly signal: AbortSignal },
  work: (ending: AbortSignal) => Promise<Look>,
): Promise<Look | null> {
  const heeded = new AbortController();
  const over = new AbortController();
  const heed = async (): Promise<void> => {
    while (!over.signal.aborted) {
      // Whether it may go on is not known when nobody can be asked: then it ends.
      if (await mustNotLook(dependencies, target).catch(() => true)) {
        heeded.abort();
        return;
      }
      await sleep(heedMs, undefined, { signal: over.signal }).catch(() => {});
    }
  };
  const heeds = heed();
  const ending = AbortSignal.any([signal, heeded.signal]);
  try {
    const look = await work(ending);
    return ending.aborted || (await mustNotLook(dependencies, target)) ? null : look;
  } finally {
    over.abort();
    await heeds;
  }
}

async function keep(
  dependencies: ObserveDependencies,
  seen: Pick<Parameters<typeof afterLook>[2], 'id' | 'live' | 'everySeconds'> & {
    readonly look: Look;
  },
): Promise<void> {
  const { observations, recorder, transactor, clock, random } = dependencies;
  const { id, live, look } = seen;
  const last = await observations.of(live.target);
  const at = clock();
  const { observation, entry } = afterLook(last, look, { ...seen, at, random: random() });
  const isKept = await transactor.transaction(async (tx) => {
    if (!(await observations.put(tx, observation, id))) return false;
    if (entry !== null) {
      await recorder.record(tx, {
        ...{ ...entry, at, actor: 'deliverer', subjectDigest: live.artifactDigest },
      });
    }
    return true;
  });
  if (isKept && last?.sight !== observation.sight) dependencies.onChange(observation);
}
