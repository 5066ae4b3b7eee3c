import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatId } from '@airlock/common/ids';
import type { VaultSession } from './vault-session-ports.ts';
import { createLateLoginSweep } from './sweep-late-logins.ts';

const now = new Date('2026-11-22T10:00:00Z');
const target = 'prod-eu';

function session(name: number, state: VaultSession['state'] = 'CLEAN'): VaultSession {
  return {
    ...{ id: `vse_${name}`, deliveryId: formatId('dlv', Buffer.alloc(10, name)), target, state },
    ...{ fence: 1, jwtMount: 'jwt-prod-eu', credentials: [], accessor: null, lastError: null },
    ...{ jwtExpiresAt: now, deadline: now, createdAt: now, revokedAt: now, attempts: 1 },
  };
}

/** A target whose sessions and tokens a test sets as it goes. */
function world() {
  const state = {
    now,
    ended: [] as VaultSession[],
    cleaned: [] as VaultSession[],
    live: null as VaultSession | null,
    tokens: 0,
    looks: 0,
    onLook: (): void => undefined,
  };
  const told: string[] = [];
  const sweep = createLateLoginSweep({
    sessions: {
      cleanWithLoginEnded: () => {
        const { ended } = state;
        state.ended = [];
        return Promise.resolve(ended);
      },
      cleanedBetween: ({ after, until }) =>
        Promise.resolve(
          state.cleaned.filter(
            ({ revokedAt }) => revokedAt !== null && revokedAt > after && revokedAt <= until,
          ),
        ),
      uncleanOn: () => Promise.resolve(state.live),
    },
    reaper: {
      look() {
        state.looks += 1;
        state.onLook();
        return Promise.resolve({ tokens: state.tokens, leases: 0 });
      },
      revokeSession() {
        state.tokens = 0;
        return Promise.resolve({ clean: true, remaining: { tokens: 0, leases: 0 } });
      },
    },
    ...{
      loginSkewSeconds: 10,
      clock: () => state.now,
      onEvent: ({ sessionId }) => told.push(sessionId),
    },
  });
  return { state, told, pass: () => sweep.pass() };
}

test('a late login is swept although the target has had another session since', async () => {
  const { state, told, pass } = world();
  Object.assign(state, { ended: [session(1)], live: session(2, 'LEASED'), tokens: 1 });
  await pass();
  assert.deepEqual([told, state.tokens, state.looks], [[], 1, 0], 'not under a session that lives');
  // Whatever its row says of its place and its time, it is over.
  state.live = null;
  await pass();
  assert.deepEqual([told, state.tokens], [['vse_1'], 0]);
  await pass();
  assert.equal(state.looks, 1);
});

test('the token of a session that begins during the look is neither told nor revoked', async () => {
  const { state, told, pass } = world();
  state.ended = [session(1)];
  state.onLook = () => {
    Object.assign(state, { live: session(2, 'TOKEN'), tokens: 1 });
  };
  await pass();
  assert.deepEqual([told, state.tokens], [[], 1]);
});

test('sessions with the same places at Vault are one look', async () => {
  const { state, pass } = world();
  state.ended = [session(1), session(2), session(3)];
  await pass();
  assert.equal(state.looks, 1);
});

test('what a read opened that was under way when its token was revoked is swept once no read can be', async () => {
  const { state, told, pass } = world();
  state.cleaned = [session(1)];
  await pass();
  assert.equal(state.looks, 0);
  state.tokens = 1;
  state.now = new Date(now.getTime() + 104_000);
  await pass();
  assert.equal(state.looks, 0);
  state.now = new Date(now.getTime() + 105_000);
  await pass();
  assert.deepEqual([told, state.tokens, state.looks], [['vse_1'], 0, 1]);
  await pass();
  assert.equal(state.looks, 1);
});
