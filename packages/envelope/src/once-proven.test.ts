import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contextOf } from './context.ts';
import { EnvelopeError } from './envelope-error.ts';
import type { KekProvider } from './kek-provider.ts';
import { onceProven } from './once-proven.ts';
import { newKey, openSealed, seal } from './seal.ts';

const context = contextOf({ type: 'project-dek', project: 'shop/web', dek: 'dek_0000000000' });

/** A keeper in memory; `binds` false is one that takes a context and does nothing with it. */
function keeper({ binds }: { readonly binds: boolean }) {
  const kek = newKey();
  const state = { calls: 0, isAway: false };
  const bound = (given: Uint8Array): Uint8Array => (binds ? given : Buffer.alloc(0));
  const call = <T>(work: () => T): Promise<T> => {
    state.calls += 1;
    return state.isAway
      ? Promise.reject(new EnvelopeError('kek-unavailable', 'away'))
      : Promise.resolve().then(work);
  };
  const provider: KekProvider = {
    name: 'the keeper of this test',
    wrap: (key, given) => call(() => `file:v1:${seal(kek, key, bound(given)).toString('base64')}`),
    unwrap: (wrapped, given) =>
      call(() => openSealed(kek, Buffer.from(wrapped.slice(8), 'base64'), bound(given))),
    rewrap: (wrapped) => call(() => wrapped),
    currentVersion: () => call(() => 1),
  };
  return { provider, state };
}

test('the proof is made once, before the first key is wrapped', async () => {
  const { provider, state } = keeper({ binds: true });
  const kek = onceProven(provider);
  await Promise.all([kek.wrap(newKey(), context), kek.currentVersion()]);
  // Three for the proof: wrap, unwrap where it belongs, unwrap elsewhere.
  assert.equal(state.calls, 5);
});

test('a keeper that ignores the context wraps nothing, however often it is asked', async () => {
  const kek = onceProven(keeper({ binds: false }).provider);
  const refused = { code: 'configuration-refused', message: /derived=true/ };
  await assert.rejects(kek.prove(), refused);
  await assert.rejects(kek.wrap(newKey(), context), refused);
  await assert.rejects(kek.unwrap('file:v1:AAAA', context), refused);
  await assert.rejects(kek.rewrap('file:v1:AAAA', context), refused);
});

test('a keeper that was away is put to the proof when it is back', async () => {
  const { provider, state } = keeper({ binds: true });
  const kek = onceProven(provider);
  state.isAway = true;
  await assert.rejects(kek.prove(), { code: 'kek-unavailable' });
  await assert.rejects(kek.currentVersion(), { code: 'kek-unavailable' });
  state.isAway = false;
  assert.equal(await kek.currentVersion(), 1);
});
