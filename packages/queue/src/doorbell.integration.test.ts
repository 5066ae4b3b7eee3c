import { freePort } from '@airlock/testkit/ports';
import { startRedis } from '@airlock/testkit/redis';
import { testRedisUrl } from '@airlock/testkit/stack';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDoorbell, type Doorbell } from './doorbell.ts';

let bells = 0;
const newName = (): string => `test-${process.pid}-${++bells}`;

type Bell = { bell: Doorbell; events: string[] };

function newBell(t: TestContext, redisUrl: string | null, name: string): Bell {
  const events: string[] = [];
  const at = (event: string): void => {
    events.push(event);
  };
  const bell = createDoorbell({ name, redisUrl, log: { info: at, warn: at } });
  t.after(() => bell.close());
  return { bell, events };
}

function listening(t: TestContext, redisUrl: string, name: string): Bell & { heard: string[] } {
  const created = newBell(t, redisUrl, name);
  const heard: string[] = [];
  created.bell.listen((id) => {
    heard.push(id);
    return Promise.resolve();
  });
  return { ...created, heard };
}

async function until(condition: () => boolean, claim: string): Promise<void> {
  const deadline = Date.now() + 15_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `not within 15 s: ${claim}`);
    await sleep(5);
  }
}

function ownRedisDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-doorbell-'));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

test('a ring is heard by the one who listens, with its id', async (t) => {
  const url = await testRedisUrl();
  const name = newName();
  const { heard } = listening(t, url, name);
  const { bell } = newBell(t, url, name);
  bell.ring('dlv_0123456789');
  bell.ring('dlv_abcdefghjk');
  await until(() => heard.length === 2, 'two rings');
  assert.deepEqual(heard.sort(), ['dlv_0123456789', 'dlv_abcdefghjk']);
});

test('a repository is rung for by its name', async (t) => {
  const url = await testRedisUrl();
  const name = newName();
  const { heard } = listening(t, url, name);
  const { bell } = newBell(t, url, name);
  bell.ring('repository:shop/shop-api.v2');
  await until(() => heard.length === 1, 'one ring');
  assert.deepEqual(heard, ['repository:shop/shop-api.v2']);
});

test('who rings for the same without a pause wakes a listener now and then, and after the last ring once more', async (t) => {
  const url = await testRedisUrl();
  const name = newName();
  const { bell } = newBell(t, url, name);
  const heardAt: number[] = [];
  bell.listen(() => {
    heardAt.push(performance.now());
    return Promise.resolve();
  });
  bell.ring('warm');
  await until(() => heardAt.length === 1, 'the first ring');
  heardAt.length = 0;
  let rings = 0;
  const until100 = performance.now() + 100;
  for (; performance.now() < until100; rings += 1) {
    bell.ring('same');
    if (rings % 10 === 9) await sleep(1);
  }
  const last = performance.now();
  await until(() => (heardAt.at(-1) ?? 0) > last, 'a ring after the last');
  await sleep(100);
  assert.ok(rings > 50, `${rings} rings`);
  assert.ok(heardAt.length <= 8, `${heardAt.length} heard of ${rings}`);
});

test('of two who listen one hears a ring', async (t) => {
  const url = await testRedisUrl();
  const name = newName();
  const one = listening(t, url, name);
  const two = listening(t, url, name);
  const { bell } = newBell(t, url, name);
  for (let ring = 0; ring < 20; ring++) bell.ring(`run_${ring}`);
  await until(() => one.heard.length + two.heard.length >= 20, 'twenty rings');
  await sleep(100);
  assert.equal(new Set([...one.heard, ...two.heard]).size, 20);
  assert.equal(one.heard.length + two.heard.length, 20);
});

test('a handler that fails is logged, and the next ring is heard', async (t) => {
  const url = await testRedisUrl();
  const name = newName();
  const { bell, events } = newBell(t, url, name);
  const heard: string[] = [];
  bell.listen((id) => {
    heard.push(id);
    return id === 'bad' ? Promise.reject(new Error('boom')) : Promise.resolve();
  });
  bell.ring('bad');
  await until(() => heard.includes('bad'), 'the bad ring');
  bell.ring('good');
  await until(() => heard.includes('good'), 'the good ring');
  await sleep(100);
  assert.deepEqual(heard, ['bad', 'good']);
  assert.deepEqual(events, ['doorbell.handler-failed']);
});

test('what is not an id is neither rung nor handed on', async (t) => {
  const url = await testRedisUrl();
  const name = newName();
  const { heard } = listening(t, url, name);
  const { bell } = newBell(t, url, name);
  for (const id of ['', 'two words', '../x', 'x'.repeat(257), '{"a":1}']) bell.ring(id);
  bell.ring('ok');
  await until(() => heard.includes('ok'), 'the ring that is one');
  assert.deepEqual(heard, ['ok']);
});

test('without Redis ringing returns at once, closing within its bound, and the log says it once', async (t) => {
  const { bell, events } = newBell(t, `redis://127.0.0.1:${await freePort()}`, newName());
  bell.listen(() => Promise.resolve());
  const startedAt = performance.now();
  for (let ring = 0; ring < 5_000; ring++) bell.ring(`run_${ring}`);
  assert.ok(performance.now() - startedAt < 500);
  await sleep(700);
  bell.ring('run_again');
  const closingAt = performance.now();
  await bell.close();
  assert.ok(performance.now() - closingAt < 3_000);
  assert.deepEqual(events, ['doorbell.silent']);
});

test('a Redis that accepts and never answers keeps nobody waiting', async (t) => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const { bell, events } = newBell(t, `redis://127.0.0.1:${address.port}`, newName());
  const startedAt = performance.now();
  bell.ring('run_1');
  assert.ok(performance.now() - startedAt < 50);
  await until(() => events.includes('doorbell.silent'), 'the ring is given up');
  assert.ok(performance.now() - startedAt < 2_000);
  await bell.close();
});

test('rings are heard again after Redis was away, and after it was wiped', async (t) => {
  const directory = ownRedisDirectory(t);
  const port = await freePort();
  let redis = await startRedis({ directory, port });
  t.after(() => redis.stop());
  const name = newName();
  const { heard, events } = listening(t, redis.url, name);
  const { bell } = newBell(t, redis.url, name);
  bell.ring('before');
  await until(() => heard.includes('before'), 'before');

  await redis.stop();
  bell.ring('lost');
  await until(() => events.includes('doorbell.silent'), 'told that Redis is gone');
  redis = await startRedis({ directory, port });
  await until(() => events.includes('doorbell.restored'), 'told that Redis is back');
  await until(() => {
    bell.ring('after');
    return heard.includes('after');
  }, 'after the return');

  await redis.flush();
  await until(() => {
    bell.ring('wiped');
    return heard.includes('wiped');
  }, 'after the wipe');
});

test('a bell made while Redis is away begins to hear when it comes', async (t) => {
  const directory = ownRedisDirectory(t);
  const port = await freePort();
  const name = newName();
  const url = `redis://127.0.0.1:${port}`;
  const { heard } = listening(t, url, name);
  const { bell } = newBell(t, url, name);
  bell.ring('lost');
  await sleep(600);
  const redis = await startRedis({ directory, port });
  t.after(() => redis.stop());
  await until(() => {
    bell.ring('late');
    return heard.includes('late');
  }, 'the first ring');
  assert.equal(heard.includes('lost'), false);
});

test('rings that nobody hears do not pile up without end', async (t) => {
  const url = await testRedisUrl();
  const name = newName();
  const { bell } = newBell(t, url, name);
  for (let batch = 0; batch < 5; batch++) {
    for (let ring = 0; ring < 900; ring++) bell.ring(`run_${batch}_${ring}`);
    await sleep(400);
  }
  const { heard } = listening(t, url, name);
  await until(() => heard.length >= 900, 'the rings that were kept');
  await sleep(500);
  assert.ok(heard.length <= 2_000, `${heard.length} were kept`);
});

test('without a URL a bell does nothing and says nothing', async (t) => {
  const { bell, events } = newBell(t, null, newName());
  bell.listen(() => Promise.reject(new Error('never')));
  bell.ring('x');
  await bell.close();
  assert.deepEqual(events, []);
});

test('a bell closed while it connects leaves no failure to nobody', async (t) => {
  const url = await testRedisUrl();
  for (let milliseconds = 0; milliseconds < 4; milliseconds += 1) {
    const { bell } = listening(t, url, newName());
    await sleep(milliseconds);
    await bell.close();
  }
  // An unhandled rejection fails the test that runs when it comes.
  await sleep(200);
});
