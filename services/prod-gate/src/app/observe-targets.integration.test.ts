/** What runs on targets is looked at, on a real Postgres with the deliverer's own grants and a ledger that is proven. */
import { formatId } from '@airlock/common/ids';
import { parseLedgerEntry, type LedgerEntryType } from '@airlock/common/ledger/entry';
import { vkeyOf } from '@airlock/common/ledger/note';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { openDatabase, type GateDatabase } from '../adapters/postgres/client.ts';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createLedgerSequencer } from '../adapters/postgres/ledger-sequencer.ts';
import { createLedgerReader, recorder } from '../adapters/postgres/ledger-store.ts';
import { createObservationStore } from '../adapters/postgres/observation-store.ts';
import { createStopStore } from '../adapters/postgres/stop-store.ts';
import type { Look } from '../domain/observation.ts';
import { stopDigest } from '../domain/stop.ts';
import { observeTargets, type ObserveDependencies } from './observe-targets.ts';
import type { ObserveRequest } from './observation-ports.ts';
import { createLedgerProofs } from './prove-entry.ts';
import { sequenceLedger } from './sequence-ledger.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const signer = { name: 'gate.example/ledger', privateKey };
const digest = 'a'.repeat(64);
const same: Look = { running: [`sha256:${digest}`] };
const other: Look = { running: [`sha256:${'b'.repeat(64)}`] };

let database: TestGateDatabase;
const opened: Partial<Record<'deliverer' | 'authority' | 'watchdog' | 'web', GateDatabase>> = {};
const as = (role: keyof typeof opened): GateDatabase =>
  (opened[role] ??= openDatabase(database.settings(`gate_${role}`)));

before(async () => {
  database = await createGateDatabase();
  await sequence();
});
after(async () => {
  for (const each of Object.values(opened)) await each.close();
  await database.dispose();
});

const sequence = () =>
  sequenceLedger({ sequencer: createLedgerSequencer(as('watchdog').pool), signer });

async function record(
  role: keyof typeof opened,
  type: LedgerEntryType,
  refs: Readonly<Record<string, string>>,
): Promise<void> {
  const entry = { type, at: new Date(), actor: role, subjectDigest: 'd'.repeat(64), refs };
  await as(role).transaction((tx) => recorder.record(tx, entry));
}

/** A target on which a release is live by the ledger. */
async function liveTarget(): Promise<string> {
  const target = `target-${randomBytes(4).toString('hex')}`;
  await goLive(target);
  return target;
}

async function goLive(target: string): Promise<void> {
  const delivery = formatId('dlv', randomBytes(10));
  await record('deliverer', 'delivery.intent', {
    ...{ target, delivery, promotion: formatId('prm', randomBytes(10)), release: '1.0' },
    ...{ artifact: digest, commit: 'c'.repeat(40), position: '7' },
  });
  await record('authority', 'credential.requested', { delivery });
  await record('deliverer', 'delivery.finished', { delivery, state: 'succeeded' });
  await sequence();
}

/** A deliverer of its own; its clock is the number of seconds that it is ahead. */
function observer(target: string, look: (request: ObserveRequest) => Look | Promise<Look>) {
  const at = { ahead: 0, emergency: false, running: [] as string[] };
  const deliverer = as('deliverer');
  const { facts } = createLedgerProofs({
    ledger: createLedgerReader(deliverer),
    vkey: vkeyOf(signer.name, privateKey),
  });
  const observe = { hook: `what-runs@sha256:${'e'.repeat(64)}`, every: 60, params: {} };
  const deliver = { hook: '', timeout: 60, params: {}, egress: [] };
  const ports: ObserveDependencies = {
    files: () =>
      Promise.resolve({ targets: new Map([[target, { policy: { observe, deliver } }]]) }),
    ledger: facts,
    deliveries: createDeliveryStore(deliverer),
    stops: createStopStore(deliverer),
    emergency: () => (at.emergency ? new Date() : null),
    observations: createObservationStore(deliverer),
    hooks: {
      async look(request) {
        at.running.push(request.live.deliveryId);
        return look(request);
      },
    },
    ...{ transactor: deliverer, recorder, randomBytes, random: () => 0.5, onChange: () => {} },
    clock: () => new Date(Date.now() + at.ahead * 1000),
  };
  const ending = new AbortController();
  return { at, ending, pass: () => observeTargets(ports, ending.signal), ports };
}

const known = (target: string) => createObservationStore(as('web')).of(target);

/** Types of what the ledger has of this target beside its deliveries, oldest first. */
async function toldOf(target: string): Promise<string[]> {
  return (await entriesOf(target)).map(({ type }) => type);
}

async function entriesOf(target: string) {
  await sequence();
  const rows = await createLedgerReader(as('web')).entries(0, 1000);
  return rows
    .map(({ body }) => parseLedgerEntry(body))
    .filter(({ type, refs }) => type.startsWith('target.') && refs['target'] === target);
}

/** A hook that goes on until it is ended. */
const endless = ({ signal }: ObserveRequest): Promise<Look> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      resolve(same);
    });
  });

test('a look is made when it is due and not before, and pages can read what was seen', async () => {
  const target = await liveTarget();
  const { at, pass } = observer(target, () => same);
  await pass();
  await pass();
  assert.equal(at.running.length, 1);
  const seen = await known(target);
  assert.deepEqual(
    [seen?.sight, seen?.running, seen?.artifactDigest],
    ['same', [`sha256:${digest}`], digest],
  );
  at.ahead = 61;
  await pass();
  assert.equal(at.running.length, 2);
  assert.deepEqual(await toldOf(target), []);
});

test('a release that has just gone live is looked at without waiting', async () => {
  const target = await liveTarget();
  const { at, pass } = observer(target, () => same);
  await pass();
  await goLive(target);
  await pass();
  assert.equal(new Set(at.running).size, 2);
});

test('nothing is looked at where nothing is live', async () => {
  const { at, pass } = observer('target-empty', () => same);
  await pass();
  assert.deepEqual(at.running, []);
});

test('the ledger is told once that something else runs and once that it is over', async () => {
  const target = await liveTarget();
  let now = other;
  const { at, pass } = observer(target, () => now);
  for (const ahead of [61, 130, 200]) {
    at.ahead = ahead;
    await pass();
  }
  assert.deepEqual(await toldOf(target), ['target.drifted']);
  now = same;
  for (const ahead of [270, 340]) {
    at.ahead = ahead;
    await pass();
  }
  assert.deepEqual(await toldOf(target), ['target.drifted', 'target.settled']);
});

test('a target that answers in turn with two digests is told of three times in two hours, with a count', async () => {
  const target = await liveTarget();
  let looked = 0;
  const { at, pass } = observer(target, () => (looked++ % 2 === 0 ? other : same));
  for (let ahead = 61; ahead < 7200; ahead += 67) {
    at.ahead = ahead;
    await pass();
  }
  assert.ok(looked > 100, `${looked} looks`);
  const entries = await entriesOf(target);
  assert.deepEqual(
    entries.map(({ type, refs }) => [type, refs['changes'], refs['observation']]),
    [
      ['target.drifted', undefined, entries[0]?.refs['observation']],
      ['target.settled', undefined, entries[0]?.refs['observation']],
      ['target.drifted', '53', entries[0]?.refs['observation']],
    ],
  );
  assert.equal((await known(target))?.period?.untold, 52);
});

test('that this host cannot look is told at its first look, with the host as the cause', async () => {
  const target = await liveTarget();
  const { at, pass } = observer(target, () => ({ reason: 'no space left', byHost: true }));
  at.ahead = 61;
  await pass();
  const [entry, more] = await entriesOf(target);
  assert.deepEqual([entry?.type, entry?.refs['cause']], ['target.unobserved', 'host']);
  assert.equal(more, undefined);
  assert.equal((await known(target))?.byHost, true);
});

test('two deliverers never look at one target at once, and a killed one keeps it until its time is over by the database’s clock', async () => {
  const target = await liveTarget();
  const first = observer(target, endless);
  const looking = first.pass();
  while (first.at.running.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const second = observer(target, () => same);
  await second.pass();
  assert.deepEqual(second.at.running, [], 'the first one looks');
  first.ending.abort();
  await looking;
  assert.equal(await known(target), null, 'what was ended says nothing');
  // As a deliverer leaves it that was killed.
  const id = formatId('obs', randomBytes(10));
  assert.equal(await second.ports.observations.claim(target, { id, seconds: 45 }), true);
  second.at.ahead = 86_400;
  await second.pass();
  assert.deepEqual(second.at.running, [], 'a clock that is ahead takes nobody’s claim');
  await database.asOwner(
    `update target_look set until = until - interval '45 seconds' where target = '${target}'`,
  );
  await second.pass();
  assert.equal(second.at.running.length, 1);
});

test('a look ends when a delivery to the target begins, and says nothing', async () => {
  const target = await liveTarget();
  const { at, pass } = observer(target, endless);
  const looking = pass();
  while (at.running.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const delivery = await beginDelivery(target);
  await looking;
  assert.equal(await known(target), null);
  await pass();
  assert.equal(at.running.length, 1, 'while it runs nobody looks');
  await database.asOwner(
    `update delivery set state = 'failed', finished_at = now(), outcome_reason = 'x' where id = '${delivery}'`,
  );
});

test('a look ends when everything is stopped, by the host or by a person, and none begins', async () => {
  const target = await liveTarget();
  const host = observer(target, endless);
  const looking = host.pass();
  while (host.at.running.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  host.at.emergency = true;
  await looking;
  await host.pass();
  assert.equal(host.at.running.length, 1);

  const person = observer(target, endless);
  const again = person.pass();
  while (person.at.running.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const stop = {
    ...{ id: formatId('stp', randomBytes(10)), kind: 'stop-all' as const, targets: [target] },
    ...{ matter: null, since: null, until: null, except: [], reason: 'for a test' },
    ...{ person: 'mira', placedAt: new Date() },
  };
  await as('web').transaction((tx) =>
    createStopStore(as('web')).insert(tx, { ...stop, digest: stopDigest(stop) }),
  );
  await again;
  await person.pass();
  assert.equal(person.at.running.length, 1);
  assert.equal(await known(target), null);
});

test('what was seen is the deliverer’s alone to write', async () => {
  for (const role of ['web', 'authority', 'watchdog'] as const) {
    for (const statement of [
      "update target_observation set sight = 'same'",
      "insert into target_look values ('x', 'y', now())",
    ]) {
      await assert.rejects(
        as(role).pool.query(statement),
        /permission denied/,
        `${role} ${statement}`,
      );
    }
  }
});

async function beginDelivery(target: string): Promise<string> {
  const promotion = formatId('prm', randomBytes(10));
  const delivery = formatId('dlv', randomBytes(10));
  await database.asOwner(`set session_replication_role = replica;
    insert into delivery (id, promotion_id, target, state, step, fence, owner, heartbeat_at, started_at, intent_digest)
    values ('${delivery}', '${promotion}', '${target}', 'running', 'intent', 1, 'test', now(), now(), '${'f'.repeat(64)}');
    set session_replication_role = origin`);
  return delivery;
}
