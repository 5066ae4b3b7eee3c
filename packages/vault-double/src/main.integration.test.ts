/** The stand-in as a process of its own, steered over its admin port. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const home = mkdtempSync(join(tmpdir(), 'airlock-double-process-'));
after(() => {
  rmSync(home, { recursive: true });
});

const hooks = join(import.meta.dirname, '../../../scripts/tsx-hooks.mjs');
const command = ['--conditions=source', '--import', hooks, join(import.meta.dirname, 'main.ts')];
const rootTokenFile = join(home, 'root-token');
const auditFile = join(home, 'audit.log');

test('with an admin port another process seals it and lets its time pass; SIGTERM ends both listeners', async (t) => {
  const child = spawn(
    process.execPath,
    [
      ...command,
      ...['--port', '0', '--admin-port', '0', '--profile', 'vault-1.8'],
      ...['--root-token-file', rootTokenFile, '--audit-file', auditFile],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  t.after(() => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const ready = JSON.parse(line.toString()) as { listen: string; admin: string };
  const token = readFileSync(rootTokenFile, 'utf8').trim();
  const status = async (path: string) =>
    (await fetch(`${ready.listen}/v1/${path}`, { headers: { 'X-Vault-Token': token } })).status;
  const steer = (method: string, path: string, body: object) =>
    fetch(`${ready.admin}${path}`, { method, body: JSON.stringify(body) });

  assert.equal(await status('sys/mounts'), 200);
  assert.match(readFileSync(auditFile, 'utf8'), /"path":"sys\/mounts"/);
  await steer('PUT', '/conditions', { sealed: true });
  assert.equal(await status('sys/health'), 503);
  await steer('PUT', '/conditions', { sealed: false });
  const health = async () =>
    (await (await fetch(`${ready.listen}/v1/sys/health`)).json()) as {
      server_time_utc: number;
      version: string;
    };
  const { server_time_utc: before, version } = await health();
  assert.match(version, /^1\.8/);
  assert.equal((await steer('POST', '/clock', { advanceMilliseconds: 900_000 })).status, 204);
  assert.ok((await health()).server_time_utc >= before + 900);

  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
  await assert.rejects(fetch(`${ready.admin}/`));
});

test('without being asked for there is no admin port', async (t) => {
  const args = [...command, '--port', '0', '--root-token-file', rootTokenFile];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  assert.equal((JSON.parse(line.toString()) as { admin: string | null }).admin, null);
});

const refused: [string, string[], NodeJS.ProcessEnv, RegExp][] = [
  ['for production', ['--admin-port', '0'], { NODE_ENV: 'production' }, /NODE_ENV=production/],
  ['as a server that it cannot imitate', ['--profile', 'vault-0.1'], {}, /--profile vault-1\.8/],
  ['with an admin port that is none', ['--admin-port', 'x'], {}, /--admin-port 0-65535/],
];
for (const [what, args, environment, reason] of refused) {
  test(`it does not start ${what}`, () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [...command, '--port', '0', '--root-token-file', rootTokenFile, ...args],
      { encoding: 'utf8', env: { ...process.env, ...environment }, timeout: 30_000 },
    );
    assert.notEqual(status, 0);
    assert.match(stderr, reason);
  });
}
