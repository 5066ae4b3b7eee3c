/**
 * Stop and start at the same moment, on a real Postgres, with each process's own rights and through the very use cases that the
 * processes run. The stop is a freeze: it leaves alone what has begun, so that nothing else would end a delivery that slipped by.
 *
 * @see start-delivery: a stop has a lock of its own, which a claim shares
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { formatId } from '@airlock/common/ids';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createStopStore } from '../adapters/postgres/stop-store.ts';
import { createPlaceStop } from '../app/place-stop.ts';
import { nameId, openRaceGround } from './race-ground.ts';

export type StopRaceResult = {
  readonly rounds: number;
  /** Rounds in which a delivery began. */
  readonly deliveries: number;
  /** Rounds in which the stop held it. */
  readonly stopped: number;
  /** Rounds in which it began after the stop was confirmed to who placed it; one is one too many. */
  readonly both: number;
};

export type StopRace = {
  /** One round. @returns `held`: there was no delivery when the stop was confirmed. */
  run(): Promise<{ delivered: boolean; held: boolean }>;
  close(): Promise<void>;
};

/** @param options.holds false takes the claim's last look at the stops away, which shows that the race can be lost. Default true. */
export async function createStopRace(
  options: { readonly holds?: boolean } = {},
): Promise<StopRace> {
  const ground = await openRaceGround();
  const { owner, web, decisions, signed, shared, promotionId } = ground;
  const never = () => Promise.resolve(0);
  const start = ground.starter(
    options.holds === false ? { stops: { count: never, hold: never } } : {},
  );
  const deliveries = createDeliveryStore(web);
  const place = createPlaceStop({
    ...{ ...shared, database: web, deliveries, stops: createStopStore(web) },
    onPlaced: () => {},
    newStopId: () => formatId('stp', randomBytes(10)),
  });
  for (const who of ['leo', 'mira']) {
    await decisions.approve(nameId(who), promotionId, await signed(who));
  }

  /** How long it last took until a delivery had begun; the stop of the next round falls anywhere around that. */
  let startMs = 40;

  return {
    async run() {
      await owner.asOwner('truncate stop, delivery cascade');
      await owner.asOwner(
        "update promotion set state = 'waiting', state_reason = null where id = $1",
        [promotionId],
      );
      const began = performance.now();
      const contest = { isOver: false };
      const placing = sleep(Math.random() * 2 * startMs)
        .then(() =>
          place(nameId('leo'), {
            ...{ kind: 'freeze', targets: [], matter: null, since: null, until: null },
            ...{ except: [], reason: 'a race' },
          }),
        )
        .then(async () => (await deliveries.ofPromotion(promotionId)) === null);
      // As the deliverer does: it looks again and again, whatever it was rung for.
      const starting = (async () => {
        let hasBegun = await start(promotionId);
        while (!hasBegun && !contest.isOver) hasBegun = await start(promotionId);
        if (hasBegun) startMs = performance.now() - began;
        return hasBegun || (await start(promotionId));
      })();
      const held = await placing;
      contest.isOver = true;
      return { delivered: await starting, held };
    },
    close: () => ground.close(),
  };
}

/** Runs `rounds` rounds; `onRound` is told of each. */
export async function raceStops(
  race: Pick<StopRace, 'run'>,
  rounds: number,
  onRound: (done: number) => void = () => {},
): Promise<StopRaceResult> {
  const count = { deliveries: 0, stopped: 0, both: 0 };
  for (let round = 1; round <= rounds; round += 1) {
    const { delivered, held } = await race.run();
    if (delivered) count.deliveries += 1;
    if (held) count.stopped += 1;
    if (delivered && held) count.both += 1;
    onRound(round);
  }
  return { rounds, ...count };
}

/** What is wrong with a result, in words; null when every round had one winner and each side won some. */
export function stopRaceFault({
  rounds,
  deliveries,
  stopped,
  both,
}: StopRaceResult): string | null {
  if (both > 0) return `${both} deliveries began after a stop that was confirmed`;
  if (deliveries + stopped !== rounds) {
    return `${rounds - deliveries - stopped} rounds ended with neither a delivery nor a stop that held it`;
  }
  return deliveries === 0 || stopped === 0 ? 'one side won every round: nothing raced' : null;
}
