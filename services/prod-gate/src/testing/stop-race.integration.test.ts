import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createStopRace, raceStops, stopRaceFault } from './stop-race.ts';

test('no delivery begins after a stop that was confirmed', async (t) => {
  const race = await createStopRace();
  t.after(() => race.close());
  const { rounds, deliveries, stopped, both } = await raceStops(race, 25);
  assert.equal(both, 0);
  assert.equal(deliveries + stopped, rounds);
});

test('without the last look under the lock some begin, so that the race can be lost', async (t) => {
  const race = await createStopRace({ holds: false });
  t.after(() => race.close());
  let both = 0;
  for (let round = 0; round < 400 && both === 0; round += 1) {
    const { delivered, held } = await race.run();
    if (delivered && held) both += 1;
  }
  assert.equal(both, 1);
});

test('a race of stops counts as lost for one round of both, for a round of neither, and when one side always wins', () => {
  const fair = { rounds: 10, deliveries: 4, stopped: 6, both: 0 };
  assert.equal(stopRaceFault(fair), null);
  assert.match(stopRaceFault({ ...fair, deliveries: 5, both: 1 }) ?? '', /after a stop/);
  assert.match(stopRaceFault({ ...fair, deliveries: 3 }) ?? '', /neither/);
  assert.match(stopRaceFault({ ...fair, deliveries: 10, stopped: 0 }) ?? '', /nothing raced/);
});
