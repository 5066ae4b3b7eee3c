import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withBreaker } from './breaker.ts';
import { contextOf } from './context.ts';
import { createDekCache } from './dek-cache.ts';
import { EnvelopeError } from './envelope-error.ts';
import type { KekProvider } from './kek-provider.ts';
import { newKey, openSealed, seal } from './seal.ts';

/** A keeper in memory that counts, and that can be away. */
function keeper() {
  const kek = newKey();
  const state = { calls: 0, fails: null as EnvelopeError | null };
  const call = <T>(work: () => T): Promise<T> => {
    state.calls += 1;
    return state.fails === null ? Promise.resolve().then(work) : Promise.reject(state.fails);
  };
  const provider: KekProvider = {
    name: 'the keeper of this test',
    wrap: (key, context) => call(() => `file:v1:${seal(kek, key, context).toString('base64')}`),
    unwrap: (wrapped, context) =>
      call(() => openSealed(kek, Buffer.from(wrapped.slice(8), 'base64'), context)),
    rewrap: (wrapped) => call(() => wrapped),
    currentVersion: () => call(() => 1),
  };
  return { provider, state };
}

async function wrappedDek(provider: KekProvider, key: Buffer) {
  const id = 'dek_0000000000';
  const project = 'shop/web';
  const wrapped = await provider.wrap(key, contextOf({ type: 'project-dek', project, dek: id }));
  return { id, project, wrapped };
}

const unavailable = new EnvelopeError('kek-unavailable', 'away');

test('a key is asked for once in five minutes, and zeroed then', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { provider, state } = keeper();
  const key = newKey();
  const dek = await wrappedDek(provider, key);
  const cache = createDekCache(provider);
  const seen: Buffer[] = [];
  for (let use = 0; use < 3; use += 1) {
    assert.ok(await cache.use(dek, (used) => seen.push(used) > 0 && used.equals(key)));
  }
  assert.equal(state.calls, 2);
  state.fails = unavailable;
  t.mock.timers.tick(299_000);
  assert.ok(await cache.use(dek, (used) => used.equals(key)));
  t.mock.timers.tick(1_001);
  assert.ok(seen.every((used) => used.equals(Buffer.alloc(32))));
  await assert.rejects(
    cache.use(dek, () => true),
    { code: 'kek-unavailable' },
  );
});

test('a key of one project is not found under the id of another', async () => {
  const { provider } = keeper();
  const dek = await wrappedDek(provider, newKey());
  const cache = createDekCache(provider);
  await cache.use(dek, () => true);
  await assert.rejects(
    cache.use({ ...dek, project: 'shop/api' }, () => true),
    { code: 'envelope-unopenable' },
  );
  cache.clear();
});

test('clearing zeroes what is held', async () => {
  const { provider } = keeper();
  const cache = createDekCache(provider);
  const held = await cache.use(await wrappedDek(provider, newKey()), (key) => key);
  cache.clear();
  assert.ok(held.equals(Buffer.alloc(32)));
});

test('after three failures the keeper has ten seconds of rest, then one try decides', async () => {
  const { provider, state } = keeper();
  let now = 0;
  const kek = withBreaker(provider, () => now);
  state.fails = unavailable;
  for (let call = 0; call < 3; call += 1) await assert.rejects(kek.currentVersion());
  assert.equal(state.calls, 3);
  await assert.rejects(kek.currentVersion(), { code: 'kek-unavailable', message: /3 times/ });
  assert.equal(state.calls, 3);
  now = 10_000;
  await assert.rejects(kek.currentVersion());
  await assert.rejects(kek.currentVersion());
  assert.equal(state.calls, 4);
  now = 20_000;
  state.fails = null;
  assert.equal(await kek.currentVersion(), 1);
  assert.equal(await kek.currentVersion(), 1);
  assert.equal(state.calls, 6);
});

test('a keeper that refuses is there: refusals do not open the breaker', async () => {
  const { provider, state } = keeper();
  const kek = withBreaker(provider, () => 0);
  state.fails = new EnvelopeError('kek-refused', 'no');
  for (let call = 0; call < 5; call += 1) {
    await assert.rejects(kek.currentVersion(), { code: 'kek-refused' });
  }
  assert.equal(state.calls, 5);
});
