import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatId, type Id } from '@airlock/common/ids';
import { listen } from '@airlock/database/listen';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import { openDatabase, type GateDatabase } from '../adapters/postgres/client.ts';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { recorder } from '../adapters/postgres/ledger-store.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createVaultSessionStore } from '../adapters/postgres/vault-session-store.ts';
import { makeDelta } from '../domain/delta.ts';
import type { VaultSessionState } from './vault-session-ports.ts';
import { createReaper, type ReapEvent } from './reap-sessions.ts';
import type { RevocationRequest, RevocationResult } from './vault-ports.ts';
import { noDetails } from '../testing/delta-details.ts';

const sha = (text: string) => createHash('sha256').update(text).digest('hex');
const start = new Date('2026-11-22T10:00:00Z');
const seconds = (count: number) => new Date(start.getTime() + count * 1000);
const target = 'prod-eu';
const staleSeconds = 3;

let gate: TestGateDatabase;
let watchdog: GateDatabase;
let deliverer: GateDatabase;

before(async () => {
  gate = await createGateDatabase();
  watchdog = openDatabase(gate.settings('gate_watchdog'));
  deliverer = openDatabase(gate.settings('gate_deliverer'));
});
after(async () => {
  await watchdog.close();
  await deliverer.close();
  await gate.dispose();
});
beforeEach(async () => {
  await gate.asOwner(
    'truncate promotion, delivery, vault_session, minted_login, target_live, ledger_pending cascade',
  );
});

const cleanResult: RevocationResult = { clean: true, remaining: { tokens: 0, leases: 0 } };

/** A watchdog whose Vault answers what the test says, with a clock that the test moves. */
function watch(answer: () => RevocationResult = () => cleanResult) {
  const asked: RevocationRequest[] = [];
  const events: ReapEvent['name'][] = [];
  const clock = { now: seconds(0) };
  const reaper = createReaper({
    transactor: watchdog,
    sessions: createVaultSessionStore(watchdog),
    deliveries: createDeliveryStore(watchdog),
    promotions: createPromotionStore(watchdog),
    recorder,
    reaper: {
      revokeSession(request) {
        asked.push(request);
        return Promise.resolve(answer());
      },
    },
    stopOverdue: () => Promise.resolve(false),
    staleSeconds,
    loginSkewSeconds: 5,
    failpoint: () => undefined,
    onEvent: (event) => {
      events.push(event.name);
    },
    clock: () => clock.now,
    random: () => 0,
  });
  return {
    asked,
    events,
    async passAt(now: Date) {
      clock.now = now;
      await reaper.pass();
    },
  };
}

type Arranged = { deliveryId: Id<'dlv'>; promotionId: Id<'prm'>; sessionId: string };

/** A delivery that runs since second 0, and its session as a crash would leave it. */
async function arrange(
  given: {
    session?: VaultSessionState | null;
    accessor?: string;
    on?: string;
    minted?: boolean;
    hookStarted?: boolean;
    hookExit?: number;
    kind?: 'idempotent' | 'probing';
  } = {},
): Promise<Arranged> {
  const { on = target } = given;
  const promotionId = formatId('prm', randomBytes(10));
  const deliveryId = formatId('dlv', randomBytes(10));
  const sessionId = `vse_${deliveryId.slice(4)}`;
  const delta = makeDelta({ base: null, commits: [], files: [], details: noDetails });
  await gate.asOwner(
    `insert into promotion (id, target, release, state, subject_name, artifact_digest, artifact_size, repository, commit,
       main_position, pipeline, builder_id, key_ids, invocation_id, built_at, requester, requester_idp, reason, requested_at,
       expires_at, bundle, bundle_digest, envelope_digest, provenance_digest, policy_digest, hook, document, promotion_digest, delta)
     values ($1, $2, '2026.11.22-1', 'delivering', 's', $3, 1, 'repo', $4, 9, 'p', 'b', '{}', 'run', now(), 'x', 'x', 'x', now(),
       now(), '', $5, $6, 'x', 'p', 'h', '', $7, $8)`,
    [
      promotionId,
      on,
      sha('artifact'),
      'c'.repeat(40),
      sha(`bundle ${promotionId}`),
      sha(`envelope ${promotionId}`),
      sha('document'),
      JSON.stringify(delta),
    ],
  );
  await deliverer.transaction((tx) =>
    createDeliveryStore(deliverer).insert(tx, {
      id: deliveryId,
      promotionId,
      target: on,
      owner: 'deliverer',
      intentDigest: sha('intent'),
      verification: null,
      repeats: null,
      at: start,
    }),
  );
  const mine = { id: deliveryId, fence: 1 };
  const deliveries = createDeliveryStore(deliverer);
  if (given.hookStarted === true) {
    await deliverer.transaction((tx) =>
      deliveries.hookStarted(tx, mine, { at: seconds(1), kind: given.kind ?? 'at-most-once' }),
    );
  }
  const { hookExit } = given;
  if (hookExit !== undefined) {
    await deliverer.transaction((tx) =>
      deliveries.hookFinished(tx, mine, { at: seconds(2), exit: hookExit, result: null }),
    );
  }
  const { session = 'LEASED' } = given;
  if (session !== null) {
    await deliverer.transaction((tx) =>
      createVaultSessionStore(deliverer).insertIntent(tx, {
        id: sessionId,
        deliveryId,
        target: on,
        fence: 1,
        jwtMount: 'jwt-prod-eu',
        credentials: [
          { name: 'db', kind: 'database', path: 'database/creds/loader', ending: 'revocable' },
        ],
        jwtExpiresAt: seconds(20),
        deadline: seconds(600),
        at: start,
      }),
    );
    await gate.asOwner('update vault_session set state = $1, accessor = $2 where id = $3', [
      session,
      given.accessor ?? null,
      sessionId,
    ]);
  }
  if (given.minted === true) {
    await gate.asOwner('insert into minted_login values ($1, $2, $3, $4)', [
      sessionId,
      deliveryId,
      start,
      seconds(20),
    ]);
  }
  return { deliveryId, promotionId, sessionId };
}

async function states({ deliveryId, promotionId, sessionId }: Arranged) {
  const delivery = await createDeliveryStore(watchdog).find(deliveryId);
  const promotion = await createPromotionStore(watchdog).find(promotionId);
  const session = await createVaultSessionStore(watchdog).find(sessionId);
  return {
    delivery: delivery?.state,
    reason: delivery?.outcomeReason,
    fence: delivery?.fence,
    promotion: promotion?.state,
    session: session?.state,
    gone: session?.credentials.map(({ goneAt }) => goneAt !== null),
  };
}

async function recorded(): Promise<unknown[]> {
  const rows = await gate.asOwner(
    `select convert_from(body, 'UTF8')::jsonb as entry from ledger_pending order by id`,
  );
  return rows.map((row) => row['entry']);
}

describe('a delivery that lives', () => {
  test('is left alone, with its session', async () => {
    const all = await arrange({ session: 'LEASED', accessor: 'acc' });
    const dog = watch();
    await dog.passAt(seconds(staleSeconds));
    assert.deepEqual(dog.asked, []);
    assert.equal((await states(all)).session, 'LEASED');
  });

  test('has its session revoked at once when it asks, and is not ended for it', async () => {
    const all = await arrange({ session: 'REVOKING', accessor: 'acc' });
    const dog = watch();
    await dog.passAt(seconds(1));
    const found = await states(all);
    assert.deepEqual(
      [found.session, found.gone, found.delivery, found.fence],
      ['CLEAN', [true], 'running', 1],
    );
    const [entry] = await recorded();
    assert.partialDeepStrictEqual(entry, {
      type: 'credential.revoked',
      actor: 'watchdog',
      subjectDigest: sha('document'),
    });
  });

  test('keeps the target held while Vault cannot be asked, and it is asked again', async () => {
    const all = await arrange({ session: 'REVOKING', accessor: 'acc' });
    let up = false;
    const dog = watch(() =>
      up
        ? cleanResult
        : { clean: false, remaining: { tokens: null, leases: null }, error: 'sealed' },
    );
    await dog.passAt(seconds(1));
    assert.equal((await states(all)).session, 'REVOKE_PENDING');
    await dog.passAt(seconds(1.1));
    assert.equal(dog.asked.length, 1, 'not before the pause is over');
    up = true;
    await dog.passAt(seconds(2));
    assert.equal((await states(all)).session, 'CLEAN');
    const session = await createVaultSessionStore(watchdog).find(all.sessionId);
    assert.equal(session?.lastError, null);
  });
});

test('a session that cannot be ended keeps no other from its end, and is still told', async () => {
  const stuck = await arrange({ session: 'REVOKING', accessor: 'acc' });
  const other = await arrange({ session: 'REVOKING', accessor: 'acc', on: 'prod-us' });
  await gate.asOwner("update promotion set delta = '{}' where id = $1", [stuck.promotionId]);
  await assert.rejects(watch().passAt(seconds(1)), { code: 'row-malformed' });
  const sessions = createVaultSessionStore(watchdog);
  assert.equal((await sessions.find(stuck.sessionId))?.state, 'REVOKING');
  assert.equal((await sessions.find(other.sessionId))?.state, 'CLEAN');
});

describe('a delivery whose deliverer is gone', () => {
  const late = seconds(staleSeconds + 0.1);

  test('before the hook: failed, production unchanged, credential gone', async () => {
    const all = await arrange({ session: 'LEASED', accessor: 'acc' });
    const dog = watch();
    await dog.passAt(late);
    const found = await states(all);
    assert.deepEqual(
      [found.delivery, found.promotion, found.session],
      ['failed', 'failed', 'CLEAN'],
    );
    assert.match(found.reason ?? '', /before the hook; production unchanged/);
    assert.deepEqual(dog.events, ['session-fenced-off', 'session-clean', 'delivery-ended']);
    assert.deepEqual(
      (await recorded()).map((entry) => (entry as { type: string }).type),
      ['credential.revoked', 'delivery.finished'],
    );
  });

  test('in the hook: indeterminate', async () => {
    const all = await arrange({ session: 'LEASED', accessor: 'acc', hookStarted: true });
    await watch().passAt(late);
    const found = await states(all);
    assert.deepEqual([found.delivery, found.promotion], ['indeterminate', 'indeterminate']);
  });

  test('in a hook that may run again: indeterminate, and its promotion waits for the repeat', async () => {
    const all = await arrange({
      ...{ session: 'LEASED', accessor: 'acc', hookStarted: true, kind: 'idempotent' },
    });
    await watch().passAt(late);
    const found = await states(all);
    assert.deepEqual([found.delivery, found.promotion], ['indeterminate', 'delivering']);
  });

  test('after a hook whose success is recorded: live', async () => {
    const all = await arrange({
      session: 'LEASED',
      accessor: 'acc',
      hookStarted: true,
      hookExit: 0,
    });
    await watch().passAt(late);
    const found = await states(all);
    assert.deepEqual([found.delivery, found.promotion], ['succeeded', 'live']);
    const live = await createPromotionStore(watchdog).liveOn(target);
    assert.equal(live?.promotionId, all.promotionId);
  });

  test('a deliverer that was only slow finds itself fenced off', async () => {
    const all = await arrange({ session: 'LEASED', accessor: 'acc' });
    const sessions = createVaultSessionStore(deliverer);
    await watch(() => ({ clean: false, remaining: { tokens: 1, leases: 1 } })).passAt(late);
    const mine = { id: all.deliveryId, fence: 1 };
    assert.equal(await createDeliveryStore(deliverer).heartbeat(mine, late), false);
    const started = await deliverer.transaction((tx) =>
      createDeliveryStore(deliverer).hookStarted(tx, mine, { at: late, kind: 'at-most-once' }),
    );
    assert.equal(started, false);
    assert.equal(await sessions.revoking({ id: all.sessionId, fence: 1 }), false);
  });

  test('is not ended before its credential is proven gone, but within a minute after all', async () => {
    const all = await arrange({ session: 'LEASED', accessor: 'acc' });
    const dog = watch(() => ({ clean: false, remaining: { tokens: 1, leases: 1 } }));
    await dog.passAt(late);
    assert.equal((await states(all)).delivery, 'running');
    await dog.passAt(seconds(staleSeconds + 61));
    const found = await states(all);
    assert.deepEqual([found.delivery, found.session], ['failed', 'REVOKE_PENDING']);
  });

  test('without a session is ended as well', async () => {
    const all = await arrange({ session: null });
    await watch().passAt(late);
    assert.equal((await states(all)).delivery, 'failed');
  });
});

describe('a session whose login nobody knows', () => {
  const late = seconds(staleSeconds + 0.1);

  test('is not called clean while its login can still be used', async () => {
    const all = await arrange({ session: 'INTENT', minted: true });
    const dog = watch();
    await dog.passAt(late);
    assert.equal((await states(all)).session, 'REVOKE_PENDING');
    await dog.passAt(seconds(25));
    assert.equal((await states(all)).session, 'REVOKE_PENDING', 'a clock may be 5 s behind');
    await dog.passAt(seconds(60));
    assert.equal((await states(all)).session, 'CLEAN');
    assert.equal(dog.asked.length, 3, 'swept each time');
  });

  test('that was never minted loses it, so that it can be minted no more', async () => {
    const all = await arrange({ session: 'INTENT' });
    await watch().passAt(late);
    assert.equal((await states(all)).session, 'CLEAN');
    const authority = openDatabase(gate.settings('gate_authority'));
    await assert.rejects(
      authority.transaction((tx) =>
        createVaultSessionStore(authority).recordMint(tx, {
          sessionId: all.sessionId,
          deliveryId: all.deliveryId,
          mintedAt: late,
          expiresAt: seconds(30),
        }),
      ),
      { code: 'already-minted' },
    );
    await authority.close();
  });
});

test('a session whose delivery has ended is revoked without waiting', async () => {
  const all = await arrange({ session: 'LEASED', accessor: 'acc' });
  await gate.asOwner("update delivery set state = 'failed'");
  await watch().passAt(seconds(0.5));
  assert.equal((await states(all)).session, 'CLEAN');
});

test('a delivery that asks for its revocation rings the watchdog', async () => {
  const bells: number[] = [];
  const stop = new AbortController();
  const listening = listen({
    ...{ pool: watchdog.pool, channel: 'session_revoking', signal: stop.signal },
    onBell: () => bells.push(performance.now()),
  });
  const { sessionId } = await arrange({ session: 'LEASED', accessor: 'accessor' });
  await until(() => bells.length === 1);
  await createVaultSessionStore(deliverer).revoking({ id: sessionId, fence: 1 });
  await until(() => bells.length === 2);
  stop.abort();
  await listening;
});

test('Vault is asked for exactly what the session may have left', async () => {
  await arrange({ session: 'REVOKING', accessor: 'acc' });
  const dog = watch();
  await dog.passAt(seconds(1));
  assert.deepEqual(dog.asked, [
    {
      accessor: 'acc',
      leaseIds: [],
      jwtMount: 'jwt-prod-eu',
      leasePrefixes: ['database/creds/loader'],
    },
  ]);
});

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!condition()) {
    assert.ok(performance.now() < end, 'not so within 5 s');
    await sleep(10);
  }
}
