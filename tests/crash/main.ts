/**
 * `npm run crash-matrix -- [--json] [--only TEXT] [--server double|real]`: kill -9 at every place of a delivery, on the stand-in for Vault and on a
 * real server where there is one. A line a case, or with `--json` one document a server; ends with 1 when a case fails.
 */
import { parseArgs } from 'node:util';
import { vaultServers } from '../contract/vault/servers.ts';
import { wholeMatrix } from './cases.ts';
import { runMatrix, type CaseResult } from './run.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    server: { type: 'string' },
  },
});
const servers = vaultServers().filter(
  ({ isDouble }) => values.server === undefined || values.server === (isDouble ? 'double' : 'real'),
);
const cases = wholeMatrix().filter(({ name }) => name.includes(values.only ?? ''));
if (servers.length === 0) {
  console.error(
    `airlock: no server "${values.server ?? ''}" here; servers are double, and real where bao or vault is on PATH or VAULT_ADDR is set`,
  );
  process.exitCode = 2;
} else if (cases.length === 0) {
  console.error(`airlock: no case has "${values.only ?? ''}" in its name`);
  process.exitCode = 2;
} else {
  for (const server of servers) {
    const vault = await server.start();
    try {
      if (!values.json) console.log(`${server.name}: ${cases.length} cases`);
      const results = await runMatrix(cases, vault, values.json ? () => undefined : say);
      const failed = results.filter(({ faults }) => faults.length > 0);
      if (failed.length > 0) process.exitCode = 1;
      const summary = {
        server: server.name,
        cases: results.length,
        failed: failed.length,
        slowestCleanMs: Math.round(Math.max(0, ...results.map(({ cleanMs }) => cleanMs ?? 0))),
      };
      console.log(
        values.json
          ? JSON.stringify({ ...summary, byPoint: byPoint(results) })
          : `${summary.cases} cases, ${summary.failed} failed, slowest session clean after ${summary.slowestCleanMs} ms`,
      );
    } finally {
      await vault.stop();
    }
  }
}

function say({ name, faults, cleanMs }: CaseResult): void {
  const took = cleanMs === null ? '' : `clean after ${cleanMs.toFixed(0)} ms`;
  console.log(`  ${faults.length === 0 ? '✓' : '✗'} ${name.padEnd(72)} ${took}`);
  for (const fault of faults) console.log(`      ${fault}`);
}

function byPoint(
  results: readonly CaseResult[],
): Record<string, { cases: number; failed: number; faults: string[] }> {
  const points = new Map(results.map(({ point }) => [point, null]));
  return Object.fromEntries(
    [...points.keys()].map((point) => {
      const here = results.filter((result) => result.point === point);
      return [
        point,
        {
          cases: here.length,
          failed: here.filter(({ faults }) => faults.length > 0).length,
          faults: here.flatMap(({ name, faults }) => faults.map((fault) => `${name}: ${fault}`)),
        },
      ];
    }),
  );
}
