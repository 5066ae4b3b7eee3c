import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { EngineError } from './engine.ts';
import { freePort, portIsTaken } from './ports.ts';
import { startPostgres } from './postgres.ts';

function newDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-postgres-'));
  chmodSync(directory, 0o755);
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

function withSource(t: TestContext, source: string): void {
  const before = process.env['AIRLOCK_POSTGRES_SOURCE'];
  process.env['AIRLOCK_POSTGRES_SOURCE'] = source;
  t.after(() => {
    if (before === undefined) delete process.env['AIRLOCK_POSTGRES_SOURCE'];
    else process.env['AIRLOCK_POSTGRES_SOURCE'] = before;
  });
}

test('the embedded binaries start, keep their data, and start again', async (t) => {
  withSource(t, 'embedded');
  const directory = newDirectory(t);
  const first = await startPostgres({ directory });
  assert.equal(first.source, 'embedded');
  await first.createDatabase('kept');
  await first.createDatabase('kept');
  await first.stop();
  assert.equal(await portIsTaken(first.port), false);

  const second = await startPostgres({ directory, port: first.port });
  t.after(() => second.stop());
  const client = new pg.Client({ ...second, user: second.superuser, database: 'kept' });
  await client.connect();
  await client.query('select 1');
  await client.end();
});

test('the password is asked for, and its file is private', async (t) => {
  const directory = newDirectory(t);
  const server = await startPostgres({ directory });
  t.after(() => server.stop());
  const file = join(directory, 'password');
  assert.equal(readFileSync(file, 'utf8').trim(), server.password);
  assert.equal(statSync(file).mode & 0o077, 0);
  const client = new pg.Client({
    ...server,
    user: server.superuser,
    password: 'guess',
    database: 'postgres',
  });
  await assert.rejects(client.connect(), /password authentication failed/);
});

test('a taken port is one message that names it', async (t) => {
  const port = await freePort();
  const blocker = createServer().listen(port, '127.0.0.1');
  t.after(() => blocker.close());
  await assert.rejects(
    startPostgres({ directory: newDirectory(t), port }),
    (error) =>
      error instanceof EngineError &&
      error.code === 'configuration-port-taken' &&
      error.message.includes(`port ${port} on 127.0.0.1`),
  );
});

test('a server by URL that refuses is one message that names the setting', async (t) => {
  process.env['AIRLOCK_POSTGRES_URL'] = `postgres://u:p@127.0.0.1:${await freePort()}/postgres`;
  t.after(() => delete process.env['AIRLOCK_POSTGRES_URL']);
  await assert.rejects(
    startPostgres({ directory: newDirectory(t) }),
    (error) =>
      error instanceof EngineError &&
      error.code === 'configuration-engine-refused' &&
      error.message.startsWith('AIRLOCK_POSTGRES_URL: u@127.0.0.1:'),
  );
});

/** A process that starts a server in `directory` and stays. */
async function holder(directory: string): Promise<{ process: ChildProcess; port: number }> {
  const module = JSON.stringify(new URL('./postgres.ts', import.meta.url).href);
  const script = `const { startPostgres } = await import(${module});
    const { port } = await startPostgres({ directory: ${JSON.stringify(directory)} });
    console.log(port); setInterval(() => {}, 1000);`;
  const child = spawn(
    process.execPath,
    ['--conditions=source', '--input-type=module', '-e', script],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const port = await new Promise<number>((resolve) => {
    child.stdout.once('data', (data: Buffer) => {
      resolve(Number(data.toString()));
    });
  });
  return { process: child, port };
}

test('the server ends when whoever started it is killed', async (t) => {
  const directory = newDirectory(t);
  const { process: child, port } = await holder(directory);
  assert.equal(await portIsTaken(port), true);
  child.kill('SIGKILL');
  for (let tries = 0; (await portIsTaken(port)) && tries < 200; tries++) await sleep(25);
  assert.equal(await portIsTaken(port), false);
});

test('a server that an earlier run left on the data is ended before a new one starts', async (t) => {
  const directory = newDirectory(t);
  const { process: child, port } = await holder(directory);
  t.after(() => child.kill('SIGKILL'));
  const lines: string[] = [];
  const server = await startPostgres({ directory, log: (line) => lines.push(line) });
  t.after(() => server.stop());
  assert.match(lines.join('\n'), /ending the server \(process \d+\) that an earlier run left/);
  assert.equal(await portIsTaken(port), false);
});

test('nothing keeps a process alive that has nothing left to do', async (t) => {
  const directory = newDirectory(t);
  const module = JSON.stringify(new URL('./postgres.ts', import.meta.url).href);
  const script = `const { startPostgres } = await import(${module});
    await startPostgres({ directory: ${JSON.stringify(directory)}, removeDirectoryAtEnd: true });`;
  const child = spawn(
    process.execPath,
    ['--conditions=source', '--input-type=module', '-e', script],
    {
      stdio: 'inherit',
    },
  );
  const code = await new Promise((resolve) => child.once('exit', resolve));
  assert.equal(code, 0);
  for (let tries = 0; existsSync(directory) && tries < 200; tries++) await sleep(25);
  assert.equal(existsSync(directory), false);
});
