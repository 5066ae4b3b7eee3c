/** The emergency stop becomes a stop, on a real Postgres with the deliverer's own grants and ledger. */
import { vkeyOf } from '@airlock/common/ledger/note';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, test } from 'node:test';
import { openDatabase, type GateDatabase } from '../adapters/postgres/client.ts';
import { createLedgerSequencer } from '../adapters/postgres/ledger-sequencer.ts';
import { createLedgerReader, recorder } from '../adapters/postgres/ledger-store.ts';
import { createStopStore } from '../adapters/postgres/stop-store.ts';
import { stopDigest, stopRefs } from '../domain/stop.ts';
import { createLedgerProofs } from './prove-entry.ts';
import { createEmergencyRecorder, rememberEmergency } from './record-emergency.ts';
import { sequenceLedger } from './sequence-ledger.ts';
import type { EmergencyMark } from './stop-ports.ts';
import { readStops } from './watch-stops.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const signer = { name: 'gate.example/ledger', privateKey };
const clock = (): Date => new Date();

let database: TestGateDatabase;
let deliverer: GateDatabase;
let watchdog: GateDatabase;
/** The file as it is on the host. */
let file: EmergencyMark | null = null;

before(async () => {
  database = await createGateDatabase();
  deliverer = openDatabase(database.settings('gate_deliverer'));
  watchdog = openDatabase(database.settings('gate_watchdog'));
});
after(async () => {
  for (const each of [deliverer, watchdog]) await each.close();
  await database.dispose();
});

/** What one process of the deliverer has. */
function process(at: GateDatabase = deliverer) {
  const memory = rememberEmergency({ file: () => file?.since ?? null, read: () => file });
  const { facts } = createLedgerProofs({
    ledger: createLedgerReader(at),
    vkey: vkeyOf(signer.name, privateKey),
  });
  const stops = createStopStore(at);
  const ports = { memory, stops, recorder, clock, ledger: facts, transactor: at };
  return {
    memory,
    record: createEmergencyRecorder(ports),
    inForce: async () => readStops(stops, await facts(), clock()),
  };
}
const sequence = () => sequenceLedger({ sequencer: createLedgerSequencer(watchdog.pool), signer });
const markAt = (second: number): EmergencyMark => ({
  since: new Date(Date.UTC(2026, 10, 22, 10, 0, second, 123)),
  reason: 'they have the IdP',
});

test('a file is one stop of all targets, in the rows and in the ledger, whoever sees it and how often', async () => {
  await sequence();
  const first = process();
  assert.deepEqual(await first.record(), []);
  file = markAt(1);
  const [stop, ...more] = await first.record();
  assert.deepEqual(more, []);
  assert.deepEqual(
    [stop?.kind, stop?.targets, stop?.person, stop?.reason, stop?.placedAt],
    ['stop-all', [], 'host', 'they have the IdP', file.since],
  );
  assert.deepEqual(await first.record(), []);
  await sequence();
  assert.deepEqual(await process().record(), [], 'a process that starts while it is there');
  await database.asOwner('alter table stop disable trigger stop_append_only');
  await database.asOwner('delete from stop');
  await database.asOwner('alter table stop enable trigger stop_append_only');
  assert.deepEqual(await process().record(), [], 'with the row gone, by the ledger');
  file = null;
  assert.equal(first.memory.emergency(), null);
  assert.deepEqual(
    (await first.inForce()).map(({ id }) => id),
    [stop?.id],
    'taking the file away lifts nothing',
  );
});

test('a file that is gone before Postgres is back goes on stopping, and is recorded then', async () => {
  const away = openDatabase(database.settings('gate_deliverer'));
  await away.close();
  file = markAt(2);
  const { memory, record } = process(away);
  await assert.rejects(record());
  file = null;
  assert.deepEqual(memory.emergency(), markAt(2).since);
  const back = createEmergencyRecorder({
    ...{ memory, recorder, clock, transactor: deliverer },
    stops: createStopStore(deliverer),
    ledger: createLedgerProofs({
      ledger: createLedgerReader(deliverer),
      vkey: vkeyOf(signer.name, privateKey),
    }).facts,
  });
  assert.equal((await back()).length, 1);
  assert.equal(memory.emergency(), null, 'from now on the stop holds');
});

test('a milder stop that somebody placed under the id of the file does not take its place', async () => {
  const made = madeOf(markAt(3));
  const milder = { ...made, kind: 'freeze', person: 'mira', until: new Date(0) } as const;
  await asWeb((web) =>
    web.transaction((tx) =>
      createStopStore(web).insert(tx, { ...milder, digest: stopDigest(milder) }),
    ),
  );
  const [stop, ...more] = await process().record();
  assert.deepEqual(more, []);
  assert.ok(stop);
  assert.notEqual(stop.id, made.id);
  assert.deepEqual([stop.kind, stop.until, stop.placedAt], ['stop-all', null, markAt(3).since]);
  const seenBeforeTheLedgerHadIt = await process().record();
  assert.deepEqual(
    seenBeforeTheLedgerHadIt.map(({ id }) => id),
    [stop.id],
  );
  await sequence();
  assert.deepEqual(await process().record(), [], 'once the ledger has it, none is made');
  file = null;
  assert.ok((await process().inForce()).some(({ id }) => id === stop.id));
});

async function asWeb(work: (web: GateDatabase) => Promise<void>): Promise<void> {
  const web = openDatabase(database.settings('gate_web'));
  try {
    await work(web);
  } finally {
    await web.close();
  }
}

function madeOf(mark: EmergencyMark) {
  file = mark;
  const { memory } = process();
  memory.emergency();
  const [made] = memory.unrecorded();
  assert.ok(made);
  return made;
}

test('a row of the very stop that web inserted and the database’s owner deletes takes it out of force for nobody', async () => {
  const made = madeOf(markAt(4));
  await asWeb((web) =>
    web.transaction((tx) => createStopStore(web).insert(tx, { ...made, digest: stopDigest(made) })),
  );
  assert.deepEqual(
    (await process().record()).map(({ id }) => id),
    [made.id],
    'the ledger lacks it, whatever rows say',
  );
  file = null;
  await sequence();
  await database.asOwner('alter table stop disable trigger stop_append_only');
  await database.asOwner('delete from stop');
  await database.asOwner('alter table stop enable trigger stop_append_only');
  assert.ok((await process().inForce()).some(({ id }) => id === made.id));
});

test('an entry with its id and its digest that says something milder is not it', async () => {
  const made = madeOf(markAt(5));
  const milder = { ...made, kind: 'freeze', until: new Date(0) } as const;
  await asWeb((web) =>
    web.transaction(async (tx) => {
      await recorder.record(tx, {
        ...{ type: 'stop.placed', at: clock(), actor: 'person:mira' },
        ...{ subjectDigest: stopDigest(made), refs: stopRefs(milder) },
      });
    }),
  );
  await sequence();
  const [stop] = await process().record();
  assert.ok(stop);
  assert.notEqual(stop.id, made.id);
  assert.deepEqual([stop.kind, stop.placedAt], ['stop-all', markAt(5).since]);
  file = null;
});
