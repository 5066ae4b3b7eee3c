/**
 * `npm run race -- approvals|stops [--rounds N] [--json]`: approve, withdraw and start at once, or stop and start, round after
 * round, on a real Postgres. Ends with 1 when a delivery began beside a confirmed withdrawal or stop, or when nothing raced.
 */
import { parseArgs } from 'node:util';
import {
  createApprovalRace,
  raceApprovals,
  raceFault,
} from '../../services/prod-gate/src/testing/approval-race.ts';
import {
  createStopRace,
  raceStops,
  stopRaceFault,
} from '../../services/prod-gate/src/testing/stop-race.ts';

type Outcome = { readonly result: object; readonly words: string; readonly fault: string | null };

const races: Readonly<
  Record<string, (rounds: number, onRound: (done: number) => void) => Promise<Outcome>>
> = {
  async approvals(rounds, onRound) {
    const race = await createApprovalRace();
    try {
      const result = await raceApprovals(race, rounds, onRound);
      const { deliveries, withdrawals, both } = result;
      const words = `${deliveries} deliveries, ${withdrawals} withdrawals, ${both} of both`;
      return { result, words, fault: raceFault(result) };
    } finally {
      await race.close();
    }
  },
  async stops(rounds, onRound) {
    const race = await createStopRace();
    try {
      const result = await raceStops(race, rounds, onRound);
      const { deliveries, stopped, both } = result;
      const words = `${deliveries} deliveries, ${stopped} stopped, ${both} of both`;
      return { result, words, fault: stopRaceFault(result) };
    } finally {
      await race.close();
    }
  },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '1000' },
  },
});
const rounds = Number(values.rounds);
const [name = ''] = positionals;
const race = positionals.length === 1 && Object.hasOwn(races, name) ? races[name] : undefined;
if (race === undefined) {
  console.error(
    `airlock: no race "${positionals.join(' ')}"; races are ${Object.keys(races).join(', ')}`,
  );
  process.exitCode = 2;
} else if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100_000) {
  console.error(`airlock: --rounds ${values.rounds} is no whole number from 1 to 100000`);
  process.exitCode = 2;
} else {
  const { result, words, fault } = await race(rounds, (done) => {
    if (!values.json && done % 100 === 0) console.error(`${done} rounds`);
  });
  console.log(values.json ? JSON.stringify(result) : `${rounds} rounds: ${words}`);
  if (fault !== null) {
    console.error(`airlock: ${fault}`);
    process.exitCode = 1;
  }
}
