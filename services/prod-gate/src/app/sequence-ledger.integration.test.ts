import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { generateKeyPairSync, hash, randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openCheckpoint } from '@airlock/common/ledger/checkpoint';
import { ledgerEntry } from '@airlock/common/ledger/entry';
import { parseVkey, vkeyOf } from '@airlock/common/ledger/note';
import { entryBundle, parseLedgerPath } from '@airlock/common/ledger/tile';
import { verifyLedger } from '@airlock/common/ledger/verify-ledger';
import { listen } from '@airlock/database/listen';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
import { openDatabase, type GateDatabase } from '../adapters/postgres/client.ts';
import { createLedgerSequencer } from '../adapters/postgres/ledger-sequencer.ts';
import { createLedgerReader } from '../adapters/postgres/ledger-store.ts';
import { sequenceLedger } from './sequence-ledger.ts';

const fixture = fileURLToPath(
  new URL('../adapters/postgres/ledger-sequencer.fixture.ts', import.meta.url),
);
const name = 'gate.example/ledger';
const { privateKey } = generateKeyPairSync('ed25519');
const vkey = vkeyOf(name, privateKey);

let gate: TestGateDatabase;
let intake: GateDatabase;
let watchdog: GateDatabase;
before(async () => {
  gate = await createGateDatabase();
  intake = openDatabase(gate.settings('gate_intake'));
  watchdog = openDatabase(gate.settings('gate_watchdog'));
});
after(async () => {
  await intake.close();
  await watchdog.close();
  await gate.dispose();
});

let said = 0;
async function pour(count: number): Promise<void> {
  const bodies = Array.from({ length: count }, (_, place) =>
    ledgerEntry({
      type: 'git.head',
      at: '2026-11-22T10:00:00Z',
      actor: 'intake',
      subjectDigest: hash('sha256', String(said + place)),
      refs: {},
    }),
  );
  said += count;
  await intake.pool.query('insert into ledger_pending (body) select * from unnest($1::bytea[])', [
    bodies,
  ]);
}

function startSequencer() {
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const settings = JSON.stringify(gate.settings('gate_watchdog'));
  const child = spawn(
    process.execPath,
    ['--conditions=source', '--disable-warning=ExperimentalWarning', fixture, settings, name, pem],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  return {
    /** Its first transaction is done. */
    ready: once(child.stdout, 'data'),
    async kill() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

const waiting = async () =>
  Number((await gate.asOwner('select count(*) as n from ledger_pending'))[0]?.['n']);

async function read(path: string): Promise<Buffer | null> {
  const ledger = createLedgerReader(watchdog);
  const asked = parseLedgerPath(path);
  if (asked?.kind === 'checkpoint') {
    return Buffer.from((await ledger.checkpoint())?.note ?? assert.fail());
  }
  if (asked?.kind === 'tile') {
    return (await ledger.tile(asked.level, asked.n))?.subarray(0, asked.width * 32) ?? null;
  }
  if (asked?.kind !== 'entries') return null;
  const rows = await ledger.entries(asked.n * 256, asked.width);
  return entryBundle(rows.map(({ body }) => body));
}

test('twelve sequencers killed while entries pour in, then two at once: no gap, no duplicate, one history', async () => {
  for (let round = 0; round < 12; round += 1) {
    const sequencer = startSequencer();
    await sequencer.ready;
    const pouring = pour(1500);
    await sleep(randomInt(5, 60));
    await sequencer.kill();
    await pouring;
  }
  const both = [startSequencer(), startSequencer()];
  await Promise.all(both.map(({ ready }) => ready));
  await pour(1500);
  while ((await waiting()) > 0) await sleep(20);
  await Promise.all(both.map((sequencer) => sequencer.kill()));

  const checkpoints = await gate.asOwner('select size, note from ledger_checkpoint order by size');
  const published = checkpoints.map((row) =>
    openCheckpoint(Buffer.from(String(row['note'])), parseVkey(vkey)),
  );
  assert.ok(published.length > 12, `${published.length} checkpoints`);
  const audit = await verifyLedger({
    read,
    vkey,
    rootsAt: published.map(({ size }) => size),
  });
  assert.ok(audit.ok, JSON.stringify(audit));
  assert.equal(audit.size, said, 'every entry, once');
  for (const { size, root } of published) {
    assert.equal(audit.roots.get(size), root.toString('hex'), `the checkpoint of ${size}`);
  }
  const [leaves] = await gate.asOwner('select count(distinct leaf_hash) as n from ledger_entry');
  assert.equal(Number(leaves?.['n']), said);
});

test('an entry rings when it commits, and who begins to listen looks at once', async () => {
  const stop = new AbortController();
  let bells = 0;
  let rung = (): void => undefined;
  const listening = listen({
    pool: watchdog.pool,
    channel: 'ledger_pending',
    signal: stop.signal,
    onBell() {
      bells += 1;
      rung();
    },
  });
  const nextBell = () =>
    new Promise<void>((resolve) => {
      rung = resolve;
    });
  if (bells === 0) await nextBell();
  assert.equal(bells, 1);
  const bell = nextBell();
  await pour(3);
  await bell;
  assert.equal(bells, 2, 'once for a statement, however many entries');
  const sequencer = createLedgerSequencer(watchdog.pool);
  assert.equal((await sequenceLedger({ sequencer, signer: { name, privateKey } })).added, 3);

  // The connection breaks: it is made again, and that is a bell of its own.
  const again = nextBell();
  await gate.asOwner(
    `select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen ledger_pending'`,
  );
  await again;
  assert.equal(bells, 3);
  stop.abort();
  await listening;
});
