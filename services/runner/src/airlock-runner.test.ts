import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../../..');

function airlockRunner(...args: string[]): {
  status: number | null;
  stdout: string;
  stderr: string;
} {
  return spawnSync(
    process.execPath,
    [
      ...['--conditions=source', '--import', join(root, 'scripts/tsx-hooks.mjs')],
      ...[join(root, 'services/runner/src/processes/airlock-runner.ts'), ...args],
    ],
    { encoding: 'utf8' },
  );
}

test('names its commands when asked, and ends with 2 when called with another or none', () => {
  const help = airlockRunner('--help');
  assert.equal(help.status, 0);
  for (const command of ['join', 'agent', 'selftest']) assert.match(help.stdout, RegExp(command));
  const other = airlockRunner('destroy');
  assert.deepEqual([other.status, other.stdout], [2, '']);
  assert.match(other.stderr, /there is no destroy\nusage/);
  assert.equal(airlockRunner('toString').status, 2);
  assert.equal(airlockRunner().status, 2);
});

test('each command reads the arguments behind its name', () => {
  const join = airlockRunner('join', 'http://plain.example', '--token-file', '/nowhere');
  assert.equal(join.status, 2);
  assert.match(join.stderr, /http:\/\/plain\.example is no https/);
  assert.equal(airlockRunner('selftest', '--mode', 'none').status, 2);
  const agent = airlockRunner('agent', '--config', '/nowhere.yaml');
  assert.equal(agent.status, 78);
  assert.match(agent.stdout, /nowhere\.yaml/);
});
