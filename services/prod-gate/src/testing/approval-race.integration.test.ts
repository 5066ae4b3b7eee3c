import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApprovalRace, raceApprovals, raceFault } from './approval-race.ts';

test('no delivery begins beside a withdrawal that was confirmed', async (t) => {
  const race = await createApprovalRace();
  t.after(() => race.close());
  const { rounds, deliveries, withdrawals, both } = await raceApprovals(race, 25);
  assert.equal(both, 0);
  assert.equal(deliveries + withdrawals, rounds);
});

test('without the row lock some begin, so that the race can be lost', async (t) => {
  const race = await createApprovalRace({ locks: false });
  t.after(() => race.close());
  let both = 0;
  for (let round = 0; round < 400 && both === 0; round += 1) {
    const { delivered, withdrawn } = await race.run();
    if (delivered && withdrawn) both += 1;
  }
  assert.equal(both, 1);
});

test('a race counts as lost for one round of both, for a round of neither, and when one side always wins', () => {
  const fair = { rounds: 10, deliveries: 4, withdrawals: 6, both: 0 };
  assert.equal(raceFault(fair), null);
  assert.match(raceFault({ ...fair, deliveries: 5, both: 1 }) ?? '', /beside a withdrawal/);
  assert.match(raceFault({ ...fair, deliveries: 3 }) ?? '', /neither/);
  assert.match(raceFault({ ...fair, deliveries: 10, withdrawals: 0 }) ?? '', /nothing raced/);
});
