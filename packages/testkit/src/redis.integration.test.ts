import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { EngineError } from './engine.ts';
import { freePort, portIsTaken } from './ports.ts';
import { startRedis } from './redis.ts';

function newDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-redis-'));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

function withEnvironment(t: TestContext, values: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(values)) {
    const before = process.env[name];
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
    t.after(() => {
      if (before === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = before;
    });
  }
}

test(
  'the embedded server answers, listens on this machine alone, and ends',
  { skip: process.platform !== 'linux' && 'reads /proc' },
  async (t) => {
    withEnvironment(t, { REDIS_URL: undefined, PATH: '/nonexistent' });
    const redis = await startRedis({ directory: newDirectory(t) });
    assert.equal(redis.source, 'embedded');
    await redis.flush();
    const port = Number(new URL(redis.url).port);
    const listening = ['/proc/net/tcp', '/proc/net/tcp6']
      .map((file) => readFileSync(file, 'utf8'))
      .join('');
    const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
    const addresses = [...listening.matchAll(/ ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]+:0000 0A /g)]
      .filter(([, , listened]) => listened === hexPort)
      .map(([, address]) => address);
    assert.deepEqual(addresses, ['0100007F']);
    await redis.stop();
    assert.equal(await portIsTaken(port), false);
  },
);

test('a taken port is one message that names it', async (t) => {
  withEnvironment(t, { REDIS_URL: undefined });
  const port = await freePort();
  const blocker = createServer().listen(port, '127.0.0.1');
  t.after(() => blocker.close());
  await assert.rejects(
    startRedis({ directory: newDirectory(t), port }),
    (error) =>
      error instanceof EngineError &&
      error.code === 'configuration-port-taken' &&
      error.message.includes(`port ${port}`),
  );
});

test('a REDIS_URL that does not answer is one message that names it', async (t) => {
  const port = await freePort();
  withEnvironment(t, { REDIS_URL: `redis://127.0.0.1:${port}` });
  await assert.rejects(
    startRedis({ directory: newDirectory(t) }),
    (error) =>
      error instanceof EngineError &&
      error.code === 'configuration-engine-refused' &&
      error.message.startsWith(`REDIS_URL: nothing answers at 127.0.0.1:${port}`),
  );
});

test('a server given by URL is neither wiped nor ended', async (t) => {
  withEnvironment(t, { REDIS_URL: undefined });
  const own = await startRedis({ directory: newDirectory(t) });
  t.after(() => own.stop());
  process.env['REDIS_URL'] = own.url;
  const given = await startRedis({ directory: newDirectory(t) });
  Reflect.deleteProperty(process.env, 'REDIS_URL');
  assert.equal(given.source, 'url');
  await assert.rejects(given.flush(), /not ours to wipe/);
  await given.stop();
  assert.equal(await portIsTaken(Number(new URL(own.url).port)), true);
});
