import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { processNames, type ProcessName } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import { configurationDigest, shownConfiguration } from '@airlock/process/config-digest';
import { commandLine } from '../support/command-line.ts';
import { runningPair } from '../support/pair.ts';

const digestOf = (file: string): string =>
  configurationDigest(shownConfiguration(readFileSync(file, 'utf8')));

/** What a process has logged since it was ready; a line before it was written without a configuration. */
function linesSinceReady({ layout }: Pair, name: ProcessName): Record<string, unknown>[] {
  const lines = readFileSync(join(layout.logs, `${name}.log`), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{'))
    // Our own log, one object a line.
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return lines.slice(lines.findLastIndex((line) => line['event.action'] === 'process.ready'));
}

test('B59: every line of every process names its configuration, and of the gate the one that the ledger has', async () => {
  const pair = await runningPair();
  const rows = await pair.query<{ digest: string }>('gate', 'select digest from configuration');
  const recorded = rows.map(({ digest }) => digest);
  for (const name of processNames.filter((each) => each !== 'rebuilder')) {
    const lines = linesSinceReady(pair, name);
    assert.ok(lines.length > 0, name);
    const digest = digestOf(join(pair.layout.config, `${name}.yaml`));
    for (const line of lines) assert.equal(line['config.digest'], digest, JSON.stringify(line));
    if (!['gate-intake', 'gate-web', 'gate-authority', 'gate-deliverer'].includes(name)) continue;
    for (const line of lines) {
      assert.ok(recorded.includes(String(line['config.signed'])), JSON.stringify(line));
    }
  }
});

test('B59: config diff tells what differs between two, and neither password', async (t) => {
  const pair = await runningPair();
  const command = commandLine(pair);
  const directory = mkdtempSync(join(tmpdir(), 'airlock-config-'));
  t.after(() => {
    command.dispose();
    rmSync(directory, { recursive: true });
  });
  const old = join(pair.layout.config, 'gate-web.yaml');
  const now = join(directory, 'gate-web.yaml');
  const text = readFileSync(old, 'utf8');
  writeFileSync(now, `# of today\n${text}`);
  const same = await command.airlock('config', 'diff', old, now);
  assert.deepEqual([same.status, same.text.includes('nothing differs')], [0, true], same.text);
  const changed = text.replace(/redis:\/\/[^"\s]*/, 'redis://u:canary@127.0.0.1:1/0');
  assert.notEqual(changed, text);
  writeFileSync(now, changed);
  const differs = await command.airlock('config', 'diff', old, now);
  assert.equal(differs.status, 1, differs.text);
  assert.equal(differs.text.match(/^ {2}\+ /gm)?.length, 1, differs.text);
  assert.match(
    differs.text,
    /^redis\.url\n {2}- .*\n {2}\+ "redis:\/\/\(not shown\)@127\.0\.0\.1:1\/0"$/m,
  );
  assert.ok(differs.text.includes(digestOf(old)) && differs.text.includes(digestOf(now)));
  assert.doesNotMatch(differs.text, /canary/);
});
