import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { formatId, type Id } from '@airlock/common/ids';
import { LedgerEntryType, parseLedgerEntry } from '@airlock/common/ledger/entry';
import { vkeyOf } from '@airlock/common/ledger/note';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import type { Approval } from '../../app/approval-ports.ts';
import type { NewPromotion } from '../../app/promotion-ports.ts';
import { createLedgerProofs } from '../../app/prove-entry.ts';
import { LedgerDamagedError, sequenceLedger } from '../../app/sequence-ledger.ts';
import { makeDelta } from '../../domain/delta.ts';
import type { KnownStop } from '../../domain/stop.ts';
import { createApprovalStore } from './approval-store.ts';
import { openDatabase, type GateDatabase } from './client.ts';
import { createDeliveryStore } from './delivery-store.ts';
import { createIntakeStore } from './intake-store.ts';
import { createLedgerSequencer } from './ledger-sequencer.ts';
import { createLedgerReader, recorder } from './ledger-store.ts';
import { createPasskeyStore } from './passkey-store.ts';
import { createPromotionStore } from './promotion-store.ts';
import { createPromotionQueries } from './promotion-queries.ts';
import { createStopStore } from './stop-store.ts';
import { createVaultSessionStore } from './vault-session-store.ts';
import { noDetails } from '../../testing/delta-details.ts';

const sha = (text: string) => createHash('sha256').update(text).digest('hex');
const id = <P extends 'prm' | 'dlv' | 'apr'>(prefix: P) => formatId(prefix, randomBytes(10));
const at = new Date('2026-11-22T10:00:00Z');

let gate: TestGateDatabase;
let owner: GateDatabase[] = [];
const open = (role: Parameters<TestGateDatabase['settings']>[0]): GateDatabase => {
  const database = openDatabase(gate.settings(role));
  owner.push(database);
  return database;
};

before(async () => {
  gate = await createGateDatabase();
});
after(async () => {
  for (const database of owner) await database.close();
  owner = [];
  await gate.dispose();
});

function signal(): { given: Promise<void>; give(): void } {
  let give = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return {
    given,
    give: () => {
      give();
    },
  };
}

function promotion(fields: Partial<NewPromotion> = {}): NewPromotion {
  const name = randomBytes(6).toString('hex');
  return {
    id: id('prm'),
    target: `target-${name}`,
    release: '2026.11.22-1',
    subjectName: 'app.tar.gz',
    artifactDigest: sha(`artifact ${name}`),
    artifactSize: 5,
    repository: 'https://git.example/org/app',
    commit: sha(name).slice(0, 40),
    mainPosition: 7,
    pipeline: '.woodpecker.yaml',
    builderId: 'https://nonprod.example/builders/main@v1',
    keyIds: ['key'],
    reproduce: 1,
    returns: null,
    invocationId: `run ${name}`,
    builtAt: at,
    requester: 'dana@demo.airlock.example',
    requesterIdp: 'https://idp.example',
    reason: 'VAT per line',
    requestedAt: at,
    admittedAt: at,
    expiresAt: new Date('2026-11-23T10:00:00Z'),
    bundleDigest: sha(`bundle ${name}`),
    envelopeDigest: sha(`envelope ${name}`),
    provenanceDigest: sha(`provenance ${name}`),
    policyDigest: sha('policy'),
    hook: `load-release@sha256:${sha('hook')}`,
    promotionDigest: sha(`document ${name}`),
    delta: makeDelta({ base: null, commits: [], files: [], details: noDetails }),
    bundle: Buffer.from('bundle'),
    document: Buffer.from('document'),
    ...fields,
  };
}

async function admitted(fields: Partial<NewPromotion> = {}): Promise<NewPromotion> {
  const intake = open('gate_intake');
  const row = promotion(fields);
  await intake.transaction((tx) => createPromotionStore(intake).insert(tx, row));
  return row;
}

const refused = (work: Promise<unknown>) =>
  assert.rejects(work, /permission denied|append-only|42501/);

describe('what each role may not do', () => {
  test('web cannot write a ledger entry, a delivery, a Vault session or a mint', async () => {
    const web = open('gate_web');
    await refused(web.pool.query("update ledger_entry set type = 'x'"));
    await refused(web.pool.query('delete from ledger_entry'));
    await refused(
      web.pool.query(
        "insert into delivery (id, promotion_id, target, state, step, fence, owner, heartbeat_at, intent_digest) values ('dlv_0', 'p', 't', 'running', 'intent', 1, 'web', now(), 'x')",
      ),
    );
    await refused(web.pool.query("update vault_session set state = 'CLEAN'"));
    await refused(web.pool.query("insert into minted_login values ('s', 'd', now(), now())"));
    await refused(web.pool.query("update promotion set document = ''"));
    await refused(web.pool.query('select * from ledger_pending'));
  });

  test('intake cannot approve, enrol or deliver', async () => {
    const intake = open('gate_intake');
    await refused(intake.pool.query("insert into approval (id) values ('apr_0')"));
    await refused(intake.pool.query("insert into passkey (credential_id) values ('c')"));
    await refused(intake.pool.query("insert into delivery (id) values ('d')"));
  });

  test('the authority writes nothing but its mint and what it records', async () => {
    const authority = open('gate_authority');
    await refused(authority.pool.query("update promotion set state = 'live'"));
    await refused(authority.pool.query("update vault_session set state = 'CLEAN'"));
    await refused(authority.pool.query('delete from minted_login'));
  });

  test('the deliverer cannot approve, mint or sequence', async () => {
    const deliverer = open('gate_deliverer');
    await refused(deliverer.pool.query("insert into approval (id) values ('apr_0')"));
    await refused(deliverer.pool.query("insert into minted_login values ('s', 'd', now(), now())"));
    await refused(deliverer.pool.query("insert into ledger_checkpoint values (1, '', '')"));
  });

  test('the deliverer begins sessions and asks for their end, and can neither call one clean nor move what is swept', async () => {
    const deliverer = open('gate_deliverer');
    const sessions = createVaultSessionStore(deliverer);
    const row = await admitted();
    const deliveryId = id('dlv');
    const session = { id: formatId('vse', randomBytes(10)), fence: 1 };
    await deliverer.transaction(async (tx) => {
      await createDeliveryStore(deliverer).insert(tx, {
        ...{ id: deliveryId, promotionId: row.id, target: row.target, owner: 'test', at },
        intentDigest: sha('intent'),
        verification: null,
        repeats: null,
      });
      await sessions.insertIntent(tx, {
        ...{ ...session, deliveryId, target: row.target, jwtMount: 'jwt-a', at },
        ...{ jwtExpiresAt: at, deadline: at },
        credentials: [
          { name: 'db', kind: 'database', path: 'database/creds/a', ending: 'revocable' },
        ],
      });
    });
    const write = (set: string) =>
      deliverer.pool.query(`update vault_session set ${set} where id = $1`, [session.id]);
    for (const set of ["jwt_mount = 'jwt-b'", "target = 'b'", 'fence = 2', 'created_at = now()']) {
      await refused(write(set));
    }
    await refused(deliverer.pool.query("update vault_credential set path = 'database/creds/b'"));
    await refused(deliverer.pool.query("update vault_credential set ending = 'by-hand'"));
    const proven = /may not write (CLEAN|INTENT|LEASED|TOKEN)/;
    await assert.rejects(write("state = 'CLEAN'"), proven);
    assert.ok(await sessions.token(session, 'accessor'));
    assert.ok(await sessions.revoking(session));
    await assert.rejects(write("state = 'CLEAN'"), proven);
    await assert.rejects(write("state = 'LEASED'"), proven);
    await sessions.revokeFailed(session.id, 'not yet');
    await assert.rejects(write("state = 'INTENT'"), proven);
    const watchdog = open('gate_watchdog');
    const clean = createVaultSessionStore(watchdog);
    assert.ok(await watchdog.transaction((tx) => clean.clean(tx, session.id, at)));
    await assert.rejects(write("state = 'INTENT'"), proven);
    await assert.rejects(
      deliverer.pool.query(
        `insert into vault_session (id, delivery_id, target, fence, state, jwt_mount, jwt_expires_at, deadline)
           values ('vse_0', $1, $2, 1, 'CLEAN', 'jwt-a', now(), now())`,
        [deliveryId, row.target],
      ),
      proven,
    );
  });

  test('not even the sequencer deletes or changes an entry, nor does the owner', async () => {
    const watchdog = open('gate_watchdog');
    await refused(watchdog.pool.query('delete from ledger_entry'));
    await refused(watchdog.pool.query("update ledger_entry set type = 'x'"));
    await refused(watchdog.pool.query('delete from ledger_checkpoint'));
    await refused(gate.asOwner('delete from ledger_entry'));
    await refused(gate.asOwner('truncate ledger_checkpoint cascade'));
  });
});

describe('promotions', () => {
  test('what is stored is what is read', async () => {
    const row = await admitted();
    const store = createPromotionStore(open('gate_deliverer'));
    const found = await store.find(row.id);
    assert.equal(found?.state, 'waiting');
    assert.equal(found.artifactSize, 5);
    assert.deepEqual(found.delta, row.delta);
    assert.deepEqual(await store.evidence(row.id), {
      bundle: Buffer.from('bundle'),
      document: Buffer.from('document'),
    });
  });

  test('one provenance counts once for a target, and again after its promotion came to nothing', async () => {
    const first = await admitted();
    const again = {
      target: first.target,
      envelopeDigest: first.envelopeDigest,
      provenanceDigest: first.provenanceDigest,
    };
    await assert.rejects(admitted(again), { code: 'already-admitted' });
    const intake = open('gate_intake');
    const store = createPromotionStore(intake);
    await intake.transaction((tx) =>
      store.setState(tx, { id: first.id, from: 'waiting', to: 'expired', reason: null, at }),
    );
    await admitted(again);
    await assert.rejects(
      admitted({ target: first.target, bundleDigest: first.bundleDigest }),
      { code: 'already-admitted' },
      'the very same bundle is a replay whatever became of it',
    );
  });

  test('a state is left only from where it was', async () => {
    const row = await admitted();
    const intake = open('gate_intake');
    const store = createPromotionStore(intake);
    const expire = () =>
      intake.transaction((tx) =>
        store.setState(tx, { id: row.id, from: 'waiting', to: 'expired', reason: 'late', at }),
      );
    await expire();
    await assert.rejects(expire(), { code: 'row-changed' });
  });

  test('an approval waits for the start that holds the lock, and then sees that it is too late', async () => {
    const row = await admitted();
    const deliverer = open('gate_deliverer');
    const web = open('gate_web');
    const started = signal();
    const mayCommit = signal();
    const start = deliverer.transaction(async (tx) => {
      const store = createPromotionStore(deliverer);
      await store.lock(tx, row.id);
      started.give();
      await mayCommit.given;
      await store.setState(tx, {
        id: row.id,
        from: 'waiting',
        to: 'delivering',
        reason: null,
        at,
      });
    });
    await started.given;
    const seen = web.transaction((tx) => createPromotionStore(web).lock(tx, row.id));
    mayCommit.give();
    await start;
    assert.equal((await seen)?.state, 'delivering');
  });
});

test('a freeze is of its repository, with its reason and time', async () => {
  const intake = open('gate_intake');
  const store = createPromotionStore(intake);
  const repository = `https://git.example/org/${id('prm')}`;
  const before = Date.now();
  await intake.transaction((tx) =>
    createIntakeStore(intake).freeze(tx, { repository, reason: 'main was rewritten' }),
  );
  const freeze = await store.freezeOf(repository);
  assert.ok(freeze);
  const { since, ...rest } = freeze;
  assert.deepEqual(rest, { repository, reason: 'main was rewritten' });
  assert.ok(Math.abs(since.getTime() - before) < 60_000);
  assert.equal(await store.freezeOf(`${repository}-other`), null);
});

test('stops are read as they were placed, the newest first', async () => {
  const web = open('gate_web');
  const store = createStopStore(web);
  const placed = (minute: number): KnownStop & { reason: string } => ({
    ...{ id: formatId('stp', randomBytes(10)), digest: sha(`stop ${minute}`) },
    ...{ kind: 'freeze', targets: ['prod-eu', 'prod-us'], matter: null, since: null },
    ...{ until: new Date('2100-01-01T00:00:00Z'), except: [id('prm')], reason: 'a "fair"' },
    ...{ person: 'leo', placedAt: new Date(Date.UTC(2099, 0, 1, 0, minute)) },
  });
  const [older, newer] = [placed(1), placed(2)];
  await web.transaction(async (tx) => {
    await store.insert(tx, older);
    await store.insert(tx, newer);
  });
  assert.deepEqual((await store.recent()).slice(0, 2), [newer, older]);
});

describe('approvals and passkeys', () => {
  async function enrolled(web: GateDatabase): Promise<string> {
    const credentialId = randomBytes(16).toString('base64url');
    await web.transaction((tx) =>
      createPasskeyStore(web).insert(tx, {
        credentialId,
        person: 'leo',
        label: 'key',
        publicKeyPem: 'pem',
        cosePublicKey: Buffer.from('cose'),
        rpId: 'gate.example',
        origin: 'https://gate.example',
        signCount: 5,
        enrolledAt: at,
        enrolmentDigest: sha('enrolment'),
      }),
    );
    return credentialId;
  }

  test('a nonce counts once', async () => {
    const row = await admitted();
    const web = open('gate_web');
    const credentialId = await enrolled(web);
    const approvals = createApprovalStore(web);
    const approval = (): Approval => ({
      id: id('apr'),
      promotionId: row.id,
      person: 'leo',
      decision: 'approve',
      note: '',
      promotionDigest: row.promotionDigest,
      signed: {
        statement: Buffer.from('statement'),
        credentialId,
        authenticatorData: 'a',
        clientDataJson: 'c',
        signature: 's',
        signCountBefore: 5,
        nonce: `nonce of ${row.id}`,
      },
      createdAt: at,
      withdrawn: null,
    });
    const first = approval();
    await web.transaction((tx) => approvals.insert(tx, first));
    await assert.rejects(
      web.transaction((tx) => approvals.insert(tx, approval())),
      { code: 'nonce-unknown' },
    );
    assert.deepEqual(await approvals.of(row.id), [first]);
  });

  test('a challenge is taken once and not after its time', async () => {
    const web = open('gate_web');
    const store = createPasskeyStore(web);
    const challenge = (nonce: string, expiresAt: Date) =>
      ({
        nonce,
        kind: 'enrolment',
        person: 'leo',
        promotionId: null,
        statement: null,
        expiresAt,
      }) as const;
    const later = new Date(Date.now() + 60_000);
    const take = (nonce: string, now: Date) =>
      web.transaction((tx) => store.takeChallenge(tx, nonce, now));
    await store.insertChallenge(challenge('n-1', later), at);
    assert.equal((await take('n-1', new Date())).person, 'leo');
    await assert.rejects(take('n-1', new Date()), { code: 'nonce-unknown' });
    await store.insertChallenge(challenge('n-2', later), at);
    await assert.rejects(take('n-2', later), { code: 'nonce-unknown' });
  });

  test('a counter moves from where it was only', async () => {
    const web = open('gate_web');
    const credentialId = await enrolled(web);
    const move = (from: number, to: number) =>
      web.transaction((tx) =>
        createPasskeyStore(web).moveSignCount(tx, { credentialId, from, to, at }),
      );
    await move(5, 6);
    await assert.rejects(move(5, 7), { code: 'row-changed' });
  });
});

describe('deliveries and Vault sessions', () => {
  async function running(): Promise<{ id: Id<'dlv'>; target: string; promotionId: Id<'prm'> }> {
    const row = await admitted();
    const deliverer = open('gate_deliverer');
    const delivery = {
      id: id('dlv'),
      promotionId: row.id,
      target: row.target,
      owner: 'deliverer',
      intentDigest: sha('intent'),
      verification: null,
      repeats: null,
      at,
    };
    await deliverer.transaction((tx) => createDeliveryStore(deliverer).insert(tx, delivery));
    return delivery;
  }

  test('one delivery runs on a target, which has it until it ends, and a promotion has one', async () => {
    const first = await running();
    const deliverer = open('gate_deliverer');
    const store = createDeliveryStore(deliverer);
    const other = await admitted({ target: first.target });
    const insert = (promotionId: string) =>
      deliverer.transaction((tx) =>
        store.insert(tx, {
          id: id('dlv'),
          promotionId,
          target: first.target,
          owner: 'deliverer',
          intentDigest: sha('intent'),
          verification: null,
          repeats: null,
          at,
        }),
      );
    await assert.rejects(insert(other.id), { code: 'target-busy' });
    assert.deepEqual(await store.runningOn(first.target), await store.find(first.id));
    assert.equal(await store.runningOn(`not-${first.target}`), null);
    await deliverer.transaction((tx) =>
      store.finish(tx, { id: first.id, fence: 1 }, { state: 'failed', reason: 'x', at }),
    );
    assert.equal(await store.runningOn(first.target), null);
    await assert.rejects(insert(first.promotionId), { code: 'E_DELIVERY_CLAIMED' });
    await insert(other.id);
  });

  test('what is live on a target is read as it was stored, and another target has nothing', async () => {
    const { id: deliveryId, promotionId, target } = await running();
    const deliverer = open('gate_deliverer');
    const store = createPromotionStore(deliverer);
    const live = {
      ...{ target, promotionId, deliveryId, release: '2026.11.22-1' },
      ...{ artifactDigest: sha('artifact'), commit: sha('commit').slice(0, 40) },
      ...{ mainPosition: 7, since: at },
    };
    await deliverer.transaction((tx) => store.setLive(tx, live));
    assert.deepEqual(await store.liveOn(target), live);
    assert.equal(await store.liveOn(`not-${target}`), null);
  });

  test('an owner under an old fence changes nothing', async () => {
    const delivery = await running();
    const deliverer = open('gate_deliverer');
    const watchdog = open('gate_watchdog');
    const store = createDeliveryStore(deliverer);
    const mine = { id: delivery.id, fence: 1 };
    assert.equal(await store.heartbeat(mine, at), true);
    const taken = await watchdog.transaction((tx) =>
      createDeliveryStore(watchdog).takeOver(tx, mine, 'watchdog'),
    );
    assert.equal(taken?.fence, 2);
    assert.equal(await store.heartbeat(mine, at), false);
    const started = await deliverer.transaction((tx) =>
      store.hookStarted(tx, mine, { at, kind: 'at-most-once' }),
    );
    assert.equal(started, false);
    assert.equal((await store.find(delivery.id))?.owner, 'watchdog');
  });

  test('the log keeps order, and lines that Postgres cannot hold as they are', async () => {
    const delivery = await running();
    const store = createDeliveryStore(open('gate_deliverer'));
    const line = (text: string) => ({ at, stream: 'stdout', line: text }) as const;
    await store.appendLog(delivery.id, [line('one'), line('tw\u0000o')]);
    await store.appendLog(delivery.id, [line('half \ud800')]);
    const lines = await store.log(delivery.id, { after: 1, limit: 10 });
    assert.deepEqual(
      lines.map((found) => [found.sequence, found.line]),
      [
        [2, 'tw\ufffdo'],
        [3, 'half \ufffd'],
      ],
    );
  });

  test('a session goes forward under its fence, and a target has one that is not CLEAN', async () => {
    const delivery = await running();
    const deliverer = open('gate_deliverer');
    const watchdog = open('gate_watchdog');
    const store = createVaultSessionStore(deliverer);
    const session = (sessionId: string) => ({
      id: sessionId,
      deliveryId: delivery.id,
      target: delivery.target,
      fence: 1,
      jwtMount: 'jwt-prod-eu',
      credentials: [
        {
          ...({ name: 'db', kind: 'database', path: 'database/creds/loader' } as const),
          ending: 'revocable' as const,
        },
        { name: 'token', kind: 'kv', path: 'kv/data/api', ending: 'by-hand' } as const,
      ],
      jwtExpiresAt: new Date(at.getTime() + 20_000),
      deadline: new Date(at.getTime() + 600_000),
      at,
    });
    const mine = { id: `vse_${delivery.id.slice(4)}`, fence: 1 };
    assert.equal(await store.uncleanOn(delivery.target), null);
    await deliverer.transaction((tx) => store.insertIntent(tx, session(mine.id)));
    await assert.rejects(
      deliverer.transaction((tx) => store.insertIntent(tx, session('vse_other'))),
      { code: 'target-busy' },
    );
    assert.equal(await store.token({ ...mine, fence: 2 }, 'accessor'), false);
    assert.equal(await store.token(mine, 'accessor'), true);
    assert.equal(await store.token(mine, 'accessor'), false);
    const lease = { name: 'db', leaseId: 'lease', holder: 'v-role', issuedAt: at, diesAt: at };
    const fixed = { name: 'token', leaseId: null, holder: 'kv v3', issuedAt: at, diesAt: null };
    for (const read of [lease, fixed]) {
      const record = () => deliverer.transaction((tx) => store.leased(tx, mine, read));
      assert.equal(await record(), true);
      assert.equal(await record(), false, 'a credential is read once');
    }
    assert.equal(await store.revoking(mine), true);
    assert.deepEqual(await store.uncleanOn(delivery.target), await store.find(mine.id));
    const reaping = createVaultSessionStore(watchdog);
    const clean = () => watchdog.transaction((tx) => reaping.clean(tx, mine.id, at));
    assert.equal(await clean(), true);
    assert.equal(await clean(), false);
    assert.equal(await store.uncleanOn(delivery.target), null);
    const found = await store.find(mine.id);
    assert.equal(found?.state, 'CLEAN');
    assert.deepEqual(
      found.credentials.map(({ name, leaseId, holder, goneAt }) => [name, leaseId, holder, goneAt]),
      [
        ['db', 'lease', 'v-role', at],
        ['token', null, 'kv v3', null],
      ],
    );
  });

  test('a session gets one login, and so does a delivery whatever its sessions', async () => {
    const authority = open('gate_authority');
    const store = createVaultSessionStore(authority);
    const mint = { sessionId: 'vse_mint', deliveryId: 'dlv', mintedAt: at, expiresAt: at };
    await authority.transaction((tx) => store.recordMint(tx, mint));
    for (const again of [mint, { ...mint, sessionId: 'vse_other' }]) {
      await assert.rejects(
        authority.transaction((tx) => store.recordMint(tx, again)),
        { code: 'already-minted' },
      );
    }
    assert.deepEqual(await store.minted('vse_mint'), mint);
  });
});

describe('intake', () => {
  test('the cursor moves one item at a time', async () => {
    const database = open('gate_intake');
    const store = createIntakeStore(database);
    const source = 'chain';
    await store.polled(source, { head: 3, at });
    const item = (seq: number) => ({
      source,
      seq,
      itemHash: sha(`item ${seq}`),
      requestId: 'prq_0000000000',
      claimedTarget: 'prod-eu',
      bundleDigest: sha('b'),
      artifactDigest: sha('a'),
      receivedAt: at,
      outcome: 'refused' as const,
      code: 'E_BUNDLE',
      detail: 'not a bundle',
      promotionId: null,
    });
    const record = (seq: number) => database.transaction((tx) => store.record(tx, item(seq)));
    await record(1);
    await assert.rejects(record(3), { code: 'row-changed' });
    await assert.rejects(record(1), { code: 'row-changed' });
    assert.deepEqual(await store.cursor(source), { seq: 1, itemHash: sha('item 1') });
    const due = await store.unreported(source);
    assert.deepEqual(
      due.map((one) => [one.item.seq, one.item.code, one.promotion]),
      [[1, 'E_BUNDLE', null]],
    );
    await store.reported(source, 1, 'refused');
    assert.deepEqual(await store.unreported(source), []);
  });

  test('a promotion that moved is reported again', async () => {
    const database = open('gate_intake');
    const store = createIntakeStore(database);
    const row = await admitted();
    const source = 'moves';
    await store.polled(source, { head: 1, at });
    await database.transaction((tx) =>
      store.record(tx, {
        source,
        seq: 1,
        itemHash: sha('item'),
        requestId: 'prq_0000000000',
        claimedTarget: row.target,
        bundleDigest: row.bundleDigest,
        artifactDigest: row.artifactDigest,
        receivedAt: at,
        outcome: 'admitted',
        code: null,
        detail: null,
        promotionId: row.id,
      }),
    );
    assert.equal((await store.unreported(source))[0]?.promotion?.id, row.id);
    await store.reported(source, 1, 'waiting');
    assert.deepEqual(await store.unreported(source), []);
    await database.transaction((tx) =>
      createPromotionStore(database).setState(tx, {
        id: row.id,
        from: 'waiting',
        to: 'expired',
        reason: null,
        at,
      }),
    );
    assert.equal((await store.unreported(source))[0]?.promotion?.state, 'expired');
  });
});

describe('the ledger', () => {
  const { privateKey } = generateKeyPairSync('ed25519');
  const signer = { name: 'gate.example/ledger', privateKey };
  const vkey = vkeyOf(signer.name, privateKey);

  async function record(
    database: GateDatabase,
    subject: string,
    type: LedgerEntryType = 'bundle.admitted',
  ): Promise<string> {
    return database.transaction((tx) =>
      recorder.record(tx, {
        type,
        at,
        actor: 'intake',
        subjectDigest: sha(subject),
        refs: { promotion: 'prm_0000000000' },
      }),
    );
  }

  test('two sequencers at once make one ledger whose every entry is proven', async () => {
    const writers = [
      [open('gate_intake'), 'bundle.admitted'],
      [open('gate_web'), 'approval.recorded'],
      [open('gate_deliverer'), 'delivery.intent'],
    ] as const;
    const leaves: string[] = [];
    for (let round = 0; round < 20; round += 1) {
      leaves.push(
        ...(await Promise.all(
          writers.map(([writer, type], place) =>
            record(writer, `entry ${round} of ${place}`, type),
          ),
        )),
      );
    }
    const sequencers = [open('gate_watchdog'), open('gate_watchdog')];
    const run = async (database: GateDatabase) => {
      for (;;) {
        const { added } = await sequenceLedger({
          sequencer: createLedgerSequencer(database.pool),
          signer,
        });
        if (added === 0) return;
      }
    };
    await Promise.all(sequencers.map(run));
    const ledger = createLedgerReader(open('gate_audit'));
    const proofs = createLedgerProofs({ ledger, vkey });
    assert.equal((await ledger.checkpoint())?.size, leaves.length);
    for (const leaf of leaves) assert.equal((await proofs.entry(leaf))?.leafHash, leaf);
    const found = await proofs.bySubject('approval.recorded', sha('entry 3 of 1'));
    assert.equal(found?.leafHash, leaves[3 * 3 + 1]);
    assert.equal(await proofs.entry(sha('never said')), null);
  });

  test('an entry that is not sequenced yet is not proven', async () => {
    const leaf = await record(open('gate_intake'), 'waits');
    const ledger = createLedgerReader(open('gate_audit'));
    assert.equal(await createLedgerProofs({ ledger, vkey }).entry(leaf), null);
    const watchdog = open('gate_watchdog');
    await sequenceLedger({ sequencer: createLedgerSequencer(watchdog.pool), signer });
    assert.notEqual(await createLedgerProofs({ ledger, vkey }).entry(leaf), null);
  });

  test('the same words said twice are one entry and stop nothing', async () => {
    const intake = open('gate_intake');
    await record(intake, 'twice');
    await record(intake, 'twice');
    const watchdog = open('gate_watchdog');
    const { added } = await sequenceLedger({
      sequencer: createLedgerSequencer(watchdog.pool),
      signer,
    });
    assert.equal(added, 1);
  });

  test('garbage among what waits is kept as unreadable and stops nothing', async () => {
    const intake = open('gate_intake');
    await intake.pool.query(
      `insert into ledger_pending (body) values ('{"v":1,"type":"git.head","at":"never, and no entry')`,
    );
    const watchdog = open('gate_watchdog');
    const { added } = await sequenceLedger({
      sequencer: createLedgerSequencer(watchdog.pool),
      signer,
    });
    assert.equal(added, 1);
    const rows = await gate.asOwner("select body from ledger_entry where type = 'unreadable'");
    assert.equal(rows.length, 1);
  });

  test('each process records what it does itself and nothing else', async () => {
    const own: Readonly<Record<string, readonly LedgerEntryType[]>> = {
      gate_intake: [
        'bundle.admitted',
        'bundle.refused',
        'git.head',
        'configuration.changed',
        'repository.frozen',
        'repository.released',
        'ledger.contradicted',
        'promotion.renewed',
      ],
      gate_web: [
        'passkey.enrolled',
        'passkey.withdrawn',
        'approval.recorded',
        'approval.withdrawn',
        'delivery.asked',
        'rebuild.attested',
        'stop.placed',
        'break-glass.asked',
        'break-glass.withdrawn',
        'override.asked',
        'override.withdrawn',
      ],
      gate_authority: [
        'credential.requested',
        'attestation.issued',
        'stop.lifted',
        'break-glass.used',
        'break-glass.reviewed',
        'override.used',
        'override.reviewed',
      ],
      gate_deliverer: [
        'delivery.intent',
        'credential.issued',
        'hook.started',
        'hook.finished',
        'delivery.stage',
        'delivery.finished',
        'delivery.announced',
        'stop.placed',
        'target.drifted',
        'target.unobserved',
        'target.settled',
      ],
      gate_watchdog: [
        'credential.revoked',
        'delivery.finished',
        'break-glass.unreviewed',
        'override.unreviewed',
      ],
    };
    const recorded = new Set(Object.values(own).flat());
    assert.deepEqual([...recorded].sort(), [...LedgerEntryType.options].sort());
    for (const role of [
      'gate_intake',
      'gate_web',
      'gate_authority',
      'gate_deliverer',
      'gate_watchdog',
    ] as const) {
      const database = open(role);
      for (const type of LedgerEntryType.options) {
        const attempt = record(database, `${type} by ${role}`, type);
        if (own[role]?.includes(type) === true) await attempt;
        else await assert.rejects(attempt, /may not record this entry/, `${role} ${type}`);
      }
    }
    await refused(record(open('gate_audit'), 'by an auditor'));
    const web = open('gate_web');
    for (const body of [
      '{"v":1, "type":"passkey.enrolled","at":"2026-11-22T10:00:00Z"}',
      '{"type":"passkey.enrolled","v":1,"at":"2026-11-22T10:00:00Z"}',
      '{"v":1,"type":"passkey.enrolled2","at":"2026-11-22T10:00:00Z"}',
      '{"v":1,"type":"delivery.finished","type":"passkey.enrolled","at":""}',
    ]) {
      await assert.rejects(
        web.pool.query('insert into ledger_pending (body) values ($1)', [Buffer.from(body)]),
        /may not record this entry/,
        body,
      );
    }
    const twice = Buffer.from(
      '{"v":1,"type":"passkey.enrolled","at":"2026-11-22T10:00:00Z","actor":"x","subjectDigest":"","refs":{},"type":"delivery.finished"}',
    );
    assert.throws(() => parseLedgerEntry(twice), 'the second type is nobody’s to read');
  });

  test('no process gives itself another’s entries, by a row or by a table that stands in front', async () => {
    const { pool } = open('gate_web');
    const grant = "insert into ledger_recorder values ('gate_web', 'delivery.finished')";
    await refused(pool.query(grant));
    const client = await pool.connect();
    try {
      await client.query('begin');
      await client.query('create temporary table ledger_recorder (process text, type text)');
      await client.query(grant);
      const body = Buffer.from('{"v":1,"type":"delivery.finished","at":"2026-11-22T10:00:00Z"}');
      await assert.rejects(
        client.query('insert into ledger_pending (body) values ($1)', [body]),
        /may not record this entry/,
      );
    } finally {
      await client.query('rollback');
      client.release();
    }
  });

  test('a gap, a repeated index and one that jumps back are refused, by the batch', async () => {
    const watchdog = open('gate_watchdog');
    while (
      (await sequenceLedger({ sequencer: createLedgerSequencer(watchdog.pool), signer })).added > 0
    );
    const [row] = await gate.asOwner('select max(idx) as last from ledger_entry');
    const last = Number(row?.['last']);
    const insert = (indexes: readonly number[]) =>
      watchdog.pool.query(
        `insert into ledger_entry (idx, body, leaf_hash, type, subject_digest)
         select i, convert_to('gap ' || i, 'UTF8'), sha256('\\x00'::bytea || convert_to('gap ' || i, 'UTF8')), 'x', 'x'
         from unnest($1::bigint[]) as i`,
        [indexes],
      );
    for (const indexes of [[last + 2], [last + 1, last + 3], [-1], [last + 2, last + 3]]) {
      await assert.rejects(insert(indexes), /leaves a gap/, String(indexes));
    }
    await assert.rejects(insert([last]), /duplicate key/);
  });

  test('a leaf that is in the ledger is refused a second time, whatever the sequencer thinks', async () => {
    const watchdog = open('gate_watchdog');
    await assert.rejects(
      watchdog.pool.query(
        `insert into ledger_entry (idx, body, leaf_hash, type, subject_digest)
         select 1 + max(idx) over (), body, leaf_hash, 'x', 'x' from ledger_entry order by idx limit 1`,
      ),
      /ledger_entry_leaf_once/,
    );
    await assert.rejects(
      watchdog.pool.query(
        `insert into ledger_entry (idx, body, leaf_hash, type, subject_digest)
         select last + place, 'twice at once', sha256('\\x00'::bytea || 'twice at once'), 'x', 'x'
         from (select max(idx) as last from ledger_entry) as ledger, generate_series(1, 2) as place`,
      ),
      /ledger_entry_leaf_once/,
    );
  });

  test('a checkpoint by another key proves nothing', async () => {
    const other = generateKeyPairSync('ed25519').privateKey;
    const ledger = createLedgerReader(open('gate_audit'));
    const proofs = createLedgerProofs({ ledger, vkey: vkeyOf(signer.name, other) });
    const answer = await proofs.attempt('bundle.admitted', sha('twice'));
    assert.match('fault' in answer ? answer.fault : '', /note-unsigned/);
  });

  test('an entry that was changed behind the triggers is no longer proven, and nothing is signed on changed tiles', async () => {
    const ledger = createLedgerReader(open('gate_audit'));
    await gate.asOwner('alter table ledger_entry disable trigger ledger_entry_append_only');
    const forged = Buffer.from(
      JSON.stringify({
        v: 1,
        type: 'bundle.admitted',
        at: '2026-11-22T10:00:00.000Z',
        actor: 'intake',
        subjectDigest: sha('forged'),
        refs: {},
      }),
    );
    await gate.asOwner(
      `update ledger_entry set body = $1, leaf_hash = sha256('\\x00'::bytea || $1), subject_digest = $2, type = 'bundle.admitted' where idx = 0`,
      [forged, sha('forged')],
    );
    await gate.asOwner('alter table ledger_entry enable trigger ledger_entry_append_only');
    const proofs = createLedgerProofs({ ledger, vkey });
    const answer = await proofs.attempt('bundle.admitted', sha('forged'));
    assert.match('fault' in answer ? answer.fault : '', /inclusion-invalid/);

    await gate.asOwner('alter table ledger_tile disable trigger ledger_tile_grows');
    await gate.asOwner(
      `update ledger_tile set hashes = set_byte(hashes, 0, (get_byte(hashes, 0) + 1) % 256) where level = 0`,
    );
    await gate.asOwner('alter table ledger_tile enable trigger ledger_tile_grows');
    await record(open('gate_intake'), 'after the damage');
    const watchdog = open('gate_watchdog');
    await assert.rejects(
      sequenceLedger({ sequencer: createLedgerSequencer(watchdog.pool), signer }),
      LedgerDamagedError,
    );
  });

  test('pages read it newest first', async () => {
    const queries = createPromotionQueries(open('gate_web'));
    const entries = await queries.ledgerEntries({ before: null, limit: 3 });
    assert.equal(entries.length, 3);
    assert.ok((entries[0]?.index ?? 0) > (entries[1]?.index ?? 0));
    const older = await queries.ledgerEntries({ before: entries[2]?.index ?? 0, limit: 1 });
    assert.equal(older[0]?.index, (entries[2]?.index ?? 0) - 1);
  });
});
