/**
 * The gate's own sequencer on a real Postgres, beside the same rows inserted without a ledger; one entry on its way to a
 * signed checkpoint; what size does to the cost of an entry; and the audit of a million of them from files.
 */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, hash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { appendLeaves, type Appended } from '@airlock/common/ledger/append';
import { signCheckpoint } from '@airlock/common/ledger/checkpoint';
import { ledgerEntry } from '@airlock/common/ledger/entry';
import { vkeyOf } from '@airlock/common/ledger/note';
import { buildInclusionProof, verifyInclusion } from '@airlock/common/ledger/proof';
import { entriesPath, entryBundle, tilePath } from '@airlock/common/ledger/tile';
import { leafHash } from '@airlock/common/ledger/tree';
import { listen } from '@airlock/database/listen';
import { createGateDatabase, type TestGateDatabase } from '@airlock/testkit/gate-database';
// What is measured is what the gate runs; a service exports nothing, so it is reached by its path.
import {
  openDatabase,
  type GateDatabase,
} from '../services/prod-gate/src/adapters/postgres/client.ts';
import { createLedgerSequencer } from '../services/prod-gate/src/adapters/postgres/ledger-sequencer.ts';
import { createLedgerReader } from '../services/prod-gate/src/adapters/postgres/ledger-store.ts';
import { readEdge, sequenceLedger } from '../services/prod-gate/src/app/sequence-ledger.ts';
import { interleave, median, type Figure } from './harness.ts';

const origin = 'bench.example/ledger';
const { privateKey } = generateKeyPairSync('ed25519');
const signer = { name: origin, privateKey };
const batch = 1024;
const batchesPerRound = 8;
const smallSize = 10_000;
const largeSize = 1_000_000;

/** As many bytes as the gate's entries have. */
function entryAt(index: number): Buffer {
  return ledgerEntry({
    type: 'git.head',
    at: '2026-11-22T12:00:00Z',
    actor: 'intake',
    subjectDigest: hash('sha256', String(index)),
    refs: { commit: hash('sha256', `commit ${index}`).slice(0, 40), position: String(index) },
  });
}

type Places = { readonly watchdog: GateDatabase; readonly intake: GateDatabase };

let said = 0;
function newEntries(count: number): Buffer[] {
  said += count;
  return Array.from({ length: count }, (_, place) => entryAt(said - count + place));
}

const enqueue = (intake: GateDatabase, bodies: readonly Buffer[]) =>
  intake.pool.query('insert into ledger_pending (body) select * from unnest($1::bytea[])', [
    bodies,
  ]);

/** Entries a second, from the queue into signed checkpoints. */
async function sequenceRate({ watchdog, intake }: Places): Promise<number> {
  await enqueue(intake, newEntries(batch * batchesPerRound));
  const sequencer = createLedgerSequencer(watchdog.pool);
  const start = performance.now();
  let added = 0;
  for (;;) {
    const sequenced = await sequenceLedger({ sequencer, signer });
    if (sequenced.added === 0) break;
    added += sequenced.added;
  }
  if (added !== batch * batchesPerRound) throw new Error(`${added} entries were sequenced`);
  return added / ((performance.now() - start) / 1000);
}

/** The same rows with the same indexes and no ledger: a row a leaf, nothing derived, nothing signed. */
async function bareRate(pool: GateDatabase['pool']): Promise<number> {
  const bodies = newEntries(batch * batchesPerRound);
  const leaves = bodies.map(leafHash);
  const start = performance.now();
  for (let at = 0; at < bodies.length; at += batch) {
    await pool.query({
      name: 'bare-insert',
      text: 'insert into bare (body, leaf_hash, type, subject_digest) select b, l, $3, $4 from unnest($1::bytea[], $2::bytea[]) as r (b, l)',
      values: [
        bodies.slice(at, at + batch),
        leaves.slice(at, at + batch),
        'git.head',
        'a'.repeat(64),
      ],
    });
  }
  return bodies.length / ((performance.now() - start) / 1000);
}

function inMemoryRate(): number {
  const bodies = newEntries(batch * batchesPerRound);
  const start = performance.now();
  let tree: Appended = appendLeaves([], 0, []);
  for (let at = 0; at < bodies.length; at += batch) {
    tree = appendLeaves(tree.edge, tree.size, bodies.slice(at, at + batch).map(leafHash));
  }
  return tree.size / ((performance.now() - start) / 1000);
}

/** Milliseconds from the commit's begin until a signed checkpoint has the entry, with the loop that the watchdog runs. */
async function* oneEntry(places: Places, bare: GateDatabase['pool']): AsyncIterable<Figure> {
  const { watchdog, intake } = places;
  const sequencer = createLedgerSequencer(watchdog.pool);
  const stop = new AbortController();
  let published = (): void => undefined;
  let running = Promise.resolve();
  const listening = listen({
    pool: watchdog.pool,
    channel: 'ledger_pending',
    signal: stop.signal,
    onBell() {
      running = running.then(async () => {
        if ((await sequenceLedger({ sequencer, signer })).added > 0) published();
      });
    },
  });
  const samples = await interleave(60, {
    async published() {
      const start = performance.now();
      const done = new Promise<void>((resolve) => {
        published = resolve;
      });
      await enqueue(intake, newEntries(1));
      await done;
      return performance.now() - start;
    },
    async bare() {
      const [body = Buffer.alloc(0)] = newEntries(1);
      const start = performance.now();
      await bare.query({
        name: 'bare-one',
        text: 'insert into bare (body, leaf_hash, type, subject_digest) values ($1, $2, $3, $4)',
        values: [body, leafHash(body), 'git.head', 'a'.repeat(64)],
      });
      return performance.now() - start;
    },
  });
  await running;
  stop.abort();
  await listening;
  const [value, peer] = [median(samples.published), median(samples.bare)];
  yield {
    name: 'one entry to a signed, published checkpoint (p50)',
    value,
    unit: 'ms',
    peer,
    ratio: value / peer,
  };
  yield {
    name: 'the same, slowest of 60',
    value: Math.max(...samples.published),
    unit: 'ms',
    peer: Math.max(...samples.bare),
  };
}

/** Fills the ledger up to `size` by the sequencer's own statements, in larger batches than it takes by itself. */
async function fillTo(size: number, { watchdog }: Places): Promise<void> {
  const sequencer = createLedgerSequencer(watchdog.pool);
  for (let more = true; more;) {
    more = await sequencer.exclusively(async (ledger) => {
      const head = await ledger.head();
      const from = head?.size ?? 0;
      const count = Math.min(8192, size - from);
      if (count <= 0) return false;
      const bodies = newEntries(count);
      const tree = appendLeaves(await readEdge(ledger, from), from, bodies.map(leafHash));
      await ledger.append({
        entries: bodies.map((body, place) => ({
          index: from + place,
          body,
          leafHash: leafHash(body),
          type: 'git.head',
          subjectDigest: hash('sha256', String(said - count + place)),
        })),
        tiles: tree.dirtyTiles,
        checkpoint: { size: tree.size, root: tree.root, note: signCheckpoint(signer, tree) },
      });
      return true;
    });
  }
}

async function proofFigure({ watchdog }: Places): Promise<Figure> {
  const reader = createLedgerReader(watchdog);
  const checkpoint = await reader.checkpoint();
  const size = checkpoint?.size ?? 0;
  const root = Buffer.from(checkpoint?.note.split('\n')[2] ?? '', 'base64');
  const times: number[] = [];
  for (let round = 0; round < 100; round += 1) {
    const index = Math.floor((round * size) / 100);
    const [row] = await reader.entries(index, 1);
    if (row === undefined) throw new Error(`no entry ${index}`);
    const start = performance.now();
    const proof = await buildInclusionProof(({ level, n }) => reader.tile(level, n), index, size);
    verifyInclusion({ index, size, leafHash: leafHash(row.body), proof, root });
    times.push(performance.now() - start);
  }
  return {
    name: `inclusion proof at ${size} entries, built and verified`,
    value: median(times),
    unit: 'ms',
  };
}

/** Files of an export, written as they would lie on a disk; entry by entry, never all in memory. */
function writeExport(directory: string, size: number): void {
  const put = (path: string, bytes: Uint8Array | string): void => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), bytes);
  };
  let tree = appendLeaves([], 0, []);
  for (let n = 0; tree.size < size; n += 1) {
    const bodies = Array.from({ length: Math.min(256, size - tree.size) }, (_, place) =>
      entryAt(n * 256 + place),
    );
    put(entriesPath(n, bodies.length), entryBundle(bodies));
    tree = appendLeaves(tree.edge, tree.size, bodies.map(leafHash));
    for (const tile of tree.dirtyTiles) {
      if (tile.hashes.length === 8192) put(tilePath({ ...tile, width: 256 }), tile.hashes);
    }
  }
  for (const tile of tree.edge)
    put(tilePath({ ...tile, width: tile.hashes.length / 32 }), tile.hashes);
  put('checkpoint', signCheckpoint(signer, tree));
}

/** In a process of its own, because this one has held other things. */
function auditInChild(directory: string): { seconds: number; kibibytes: number } {
  const script = `
    const { ledgerSource } = await import('@airlock/cli/ledger-source');
    const { verifyLedger } = await import('@airlock/common/ledger/verify-ledger');
    const start = performance.now();
    const read = ledgerSource(${JSON.stringify(directory)});
    const result = await verifyLedger({ read, vkey: ${JSON.stringify(vkeyOf(origin, privateKey))} });
    const seconds = (performance.now() - start) / 1000;
    if (!result.ok || result.entriesRead !== ${largeSize}) throw new Error(JSON.stringify(result));
    console.log(seconds, process.resourceUsage().maxRSS);`;
  const printed = execFileSync(
    process.execPath,
    ['--conditions=source', '--input-type=module', '-e', script],
    { cwd: import.meta.dirname, encoding: 'utf8' },
  );
  const [seconds = Number.NaN, kibibytes = Number.NaN] = printed.split(' ').map(Number);
  return { seconds, kibibytes };
}

function* audit(): Iterable<Figure> {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-bench-ledger-'));
  try {
    writeExport(directory, largeSize);
    const { seconds, kibibytes } = auditInChild(directory);
    const floorStart = performance.now();
    for (let index = 0; index < 2 * largeSize; index += 1) hash('sha256', floorInput, 'buffer');
    const limit = (performance.now() - floorStart) / 1000;
    yield {
      name: `offline audit of ${largeSize} entries; limit: two million bare hashes`,
      value: seconds,
      unit: 's',
      limit,
      ratio: seconds / limit,
    };
    yield { name: 'resident memory while auditing', value: kibibytes / 1024, unit: 'MiB' };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
const floorInput = Buffer.alloc(65, 1);

/** A gate's database with its two processes, and beside the ledger a table without one. */
type Ledger = { readonly gate: TestGateDatabase; readonly places: Places };

async function createLedger(): Promise<Ledger> {
  const gate = await createGateDatabase();
  await gate.asOwner(
    'create table bare (id bigint generated always as identity primary key, body bytea not null, leaf_hash bytea not null, type text not null, subject_digest text not null, at timestamptz not null default now(), exclude using hash (leaf_hash with =))',
  );
  await gate.asOwner('create index on bare using hash (subject_digest)');
  await gate.asOwner('grant insert on bare to gate_watchdog');
  const watchdog = openDatabase(gate.settings('gate_watchdog'));
  return { gate, places: { watchdog, intake: openDatabase(gate.settings('gate_intake')) } };
}

async function closeLedger({ gate, places }: Ledger): Promise<void> {
  await places.watchdog.close();
  await places.intake.close();
  await gate.dispose();
}

export async function* bench(): AsyncIterable<Figure> {
  yield* audit();
  const small = await createLedger();
  const large = await createLedger();
  try {
    const { pool } = small.places.watchdog;
    yield* oneEntry(small.places, pool);
    await fillTo(smallSize, small.places);
    await fillTo(largeSize, large.places);
    // What a ledger that grew for years has behind it, and one that was filled in a minute would do while it is measured.
    await large.gate.asOwner('vacuum analyze ledger_entry');
    await large.gate.asOwner('checkpoint');
    const rates = await interleave(7, {
      small: () => sequenceRate(small.places),
      large: () => sequenceRate(large.places),
      bare: () => bareRate(pool),
      memory: inMemoryRate,
    });
    const atSmall = median(rates.small);
    const atLarge = median(rates.large);
    const bare = median(rates.bare);
    yield {
      name: `entries sequenced and signed, batches of ${batch}; limit: the same rows, no ledger`,
      value: atSmall,
      unit: '1/s',
      limit: bare,
      ratio: atSmall / bare,
    };
    yield {
      name: `the same at ${largeSize} entries; peer: at ${smallSize}`,
      value: atLarge,
      unit: '1/s',
      peer: atSmall,
      ratio: atLarge / atSmall,
    };
    yield { name: 'tree append in memory alone', value: median(rates.memory), unit: '1/s' };
    yield await proofFigure(large.places);
  } finally {
    await closeLedger(small);
    await closeLedger(large);
  }
}
