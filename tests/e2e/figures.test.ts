import assert from 'node:assert/strict';
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { runningPair } from '../support/pair.ts';

const named = (metrics: string): string[] =>
  [...metrics.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name).sort();

/** As browsers do: what ends in .localhost is this machine, whatever the resolver says. */
async function askByName(url: URL): Promise<{ readonly status: number; readonly body: string }> {
  const { port, host, pathname: path } = url;
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers: { host } }, (response) => {
      text(response).then((body) => {
        resolve({ status: response.statusCode ?? 0, body });
      }, reject);
    }).on('error', reject);
  });
}

test('both services tell figures at a port of this machine, and not at the one for people', async () => {
  const { nonprodOrigin, gateOrigin, ports } = await runningPair();
  const at = async (port: number, path: string): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    const body = await response.text();
    assert.equal(response.status, 200, body);
    return body;
  };
  assert.deepEqual(named(await at(ports.nonprodFigures, '/metrics')), [
    'airlock_build_info',
    'airlock_outbox_poll_age_seconds',
    'airlock_pool_desired',
    'airlock_queue_wait_seconds',
    'airlock_runner_online',
    'airlock_runs_total',
  ]);
  const gate = await at(ports.gateFigures, '/metrics');
  assert.deepEqual(named(gate), [
    'airlock_build_info',
    'airlock_deliveries_total',
    'airlock_ledger_checkpoint_age_seconds',
    'airlock_ledger_entries',
    'airlock_outbox_poll_age_seconds',
    'airlock_vault_leases_active',
    'airlock_vault_revoke_failures_total',
  ]);
  assert.match(gate, /^airlock_ledger_entries [1-9]\d*$/m);
  for (const port of [ports.nonprodFigures, ports.gateFigures]) await at(port, '/readyz');
  for (const origin of [nonprodOrigin, gateOrigin]) {
    const answer = await askByName(new URL('/metrics', origin));
    assert.ok([303, 401, 404].includes(answer.status), String(answer.status));
    assert.ok(!answer.body.includes('airlock_'), origin);
  }
});
