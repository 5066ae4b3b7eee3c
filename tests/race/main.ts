/**
 * `npm run race -- approvals [--rounds N] [--json]`: approve, withdraw and start at once, round after round, on a real
 * Postgres. Ends with 1 when a delivery began beside a confirmed withdrawal, or when nothing raced.
 */
import { parseArgs } from 'node:util';
import {
  createApprovalRace,
  raceApprovals,
  raceFault,
} from '../../services/prod-gate/src/testing/approval-race.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '1000' },
  },
});
const rounds = Number(values.rounds);
const [name = ''] = positionals;
if (positionals.length !== 1 || name !== 'approvals') {
  console.error(`airlock: no race "${positionals.join(' ')}"; the race is approvals`);
  process.exitCode = 2;
} else if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100_000) {
  console.error(`airlock: --rounds ${values.rounds} is no whole number from 1 to 100000`);
  process.exitCode = 2;
} else {
  const race = await createApprovalRace();
  try {
    const result = await raceApprovals(race, rounds, (done) => {
      if (!values.json && done % 100 === 0) console.error(`${done} rounds`);
    });
    const { deliveries, withdrawals, both } = result;
    console.log(
      values.json
        ? JSON.stringify(result)
        : `${rounds} rounds: ${deliveries} deliveries, ${withdrawals} withdrawals, ${both} of both`,
    );
    const fault = raceFault(result);
    if (fault !== null) {
      console.error(`airlock: ${fault}`);
      process.exitCode = 1;
    }
  } finally {
    await race.close();
  }
}
