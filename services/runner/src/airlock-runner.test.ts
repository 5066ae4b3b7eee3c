import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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

test('a runner that is not told how much of a day it gives does not start, and says what to add', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-runner-'));
  t.after(() => {
    rmSync(directory, { recursive: true });
  });
  const file = join(directory, 'runner.yaml');
  const config = {
    controlPlane: {
      url: 'https://127.0.0.1:1',
      caFile: '/nowhere/ca',
      identityFile: '/nowhere/id',
    },
    ...{ pool: 'default', workDirectory: join(directory, 'work') },
    images: [{ image: '**', root: 'host' }],
    attestation: { runner: 'r', keyFile: '/nowhere/key' },
  };
  const said = (more: object): string => {
    writeFileSync(file, JSON.stringify({ ...config, ...more }));
    const agent = airlockRunner('agent', '--config', file);
    assert.equal(agent.status, 78);
    return agent.stdout;
  };
  assert.match(said({}), /budget: required and missing; add it: .*minutes: 480/);
  assert.match(
    said({ budget: {} }),
    /budget\.minutes: required and missing; add it: .*480 is a working day/,
  );
  assert.match(said({ budget: { minutes: 480 } }), /identityFile/);
});
