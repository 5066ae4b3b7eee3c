/** What Vault logged of the running pair's deliveries, compared with its ledger by the command that an auditor runs. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { approveAs, until, waitForEnd } from '@airlock/demo/flow';
import { root } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import { runningPair } from '../support/pair.ts';
import { waitingPromotion } from '../support/promotion.ts';

type Report = {
  whole: boolean;
  lines: { read: number; unreadable: number };
  findings: { code: string; path?: string; text: string }[];
};

/** Everything since `from`, with clocks that are one. */
async function audit(pair: Pair, from: Date): Promise<Report> {
  const { auditFile } = pair.vault;
  assert.ok(auditFile !== null, 'the pair has a Vault of its own');
  const { code, stdout } = await airlock(
    ...['audit', 'vault', auditFile, '-o', 'json', '--skew', '1', '--from', from.toISOString()],
    ...['--ledger', pair.gateOrigin, '--key', pair.ledgerVkey],
    ...['--config', pair.layout.gateConfig],
    ...['--administrators', pair.layout.administratorsFile],
  );
  const report = JSON.parse(stdout) as Report;
  assert.equal(code, report.whole ? 0 : 5);
  return report;
}

/** The command line as it stands, with its exit code. */
function airlock(...args: readonly string[]): Promise<{ code: number; stdout: string }> {
  const source = ['--conditions=source', '--import', join(root, 'scripts/tsx-hooks.mjs')];
  const main = join(root, 'packages/cli/src/main.ts');
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [...source, main, ...args],
      { cwd: root },
      (_error, stdout) => {
        resolve({ code: child.exitCode ?? -1, stdout });
      },
    );
  });
}

async function asRoot({ vault }: Pair, method: string, path: string): Promise<number> {
  const answer = await fetch(`${vault.address}/v1/${path}`, {
    method,
    headers: { 'x-vault-token': vault.rootToken },
  });
  await answer.text();
  return answer.status;
}

/** The ledger's entries are public within a second, and what is nearer to the log's end than the clocks may differ is not judged. */
async function settled(pair: Pair): Promise<void> {
  await until('all entries in the signed ledger', 10, async () => {
    const [row] = await pair.query<{ pending: string }>(
      'gate',
      'select count(*)::text as pending from ledger_pending',
    );
    return row?.pending === '0' ? true : null;
  });
  await delay(2_500);
  await asRoot(pair, 'GET', 'sys/mounts');
}

test('Vault and the ledger name the same credentials, until somebody reads one beside the gate', async () => {
  const pair = await runningPair();
  const from = new Date();
  const promotion = await waitingPromotion(pair);
  await approveAs(pair, 'leo', promotion);
  await approveAs(pair, 'mira', promotion);
  assert.equal((await waitForEnd(pair, promotion)).state, 'live');
  await settled(pair);
  const whole = await audit(pair, from);
  assert.deepEqual(whole.findings, []);
  assert.equal(whole.lines.unreadable, 0);
  assert.ok(whole.lines.read > 20);

  const path = 'database/creds/shop-prod-eu';
  assert.equal(await asRoot(pair, 'GET', path), 200);
  assert.equal(await asRoot(pair, 'POST', `sys/leases/revoke-prefix/${path}`), 204);
  const { findings } = await audit(pair, from);
  assert.deepEqual(
    findings.map(({ code, path: at }) => [code, at]),
    [['issued-unrecorded', path]],
  );
  assert.match(findings[0]?.text ?? '', /policies root\), which is no delivery's token/);
});
