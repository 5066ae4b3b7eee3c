import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { createContentStore, type ContentStore } from '@airlock/artifacts/content-store';
import { planStep, runPlan } from '@airlock/common/testing/plans';
import { testPostgres } from '@airlock/testkit/stack';
import { createCacheStore } from '../adapters/postgres/cache-store.ts';
import { createBuildCaches, type BuildCaches } from '../app/keep-caches.ts';
import type { LeaseProofOf } from '../app/ports.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { startRun } from '../testing/fixtures.ts';

let directory: string;
let database: TestDatabase;
let blobs: ContentStore;
let caches: BuildCaches;
const key = 'c'.repeat(64);
const plan = runPlan([
  planStep('deps', { caches: [{ path: 'node_modules', key: 'npm', files: [] }] }),
]);

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'airlock-caches-'));
  database = await testDatabase(await testPostgres());
  blobs = createContentStore(directory);
  caches = createBuildCaches(
    { entries: createCacheStore(database.as('nonprod_web')), blobs },
    { keepDays: 14, maxRepositoryBytes: 100 },
  );
  for (const trust of [0, 1, 2, 3]) {
    await database.as('owner').pool.create({
      data: {
        ...{ name: `level-${trust}`, trust, isolation: 'bubblewrap', once: false },
        ...{ images: [], labels: {}, everyone: false },
      },
    });
  }
});
after(async () => {
  await database.close();
  await rm(directory, { recursive: true });
});

/** The job of a run of that level in a pool of its own trust, leased. */
async function jobAt(level: 0 | 1 | 2 | 3, poolTrust = level): Promise<LeaseProofOf> {
  const change = {
    level,
    why: 'a test',
    files: 'own',
    filesCommit: 'a'.repeat(40),
    notes: [],
  } as const;
  const run = await startRun(database, { plan, pool: `level-${poolTrust}`, trust: change });
  const jobId = run.jobs[0]?.id ?? assert.fail();
  await database.as('owner').$executeRaw`
    update job set state = 'leased', lease = 1, runner = 'r1', lease_expires_at = now() + interval '1 hour'
    where id = ${jobId}`;
  return { jobId, lease: 1, runner: 'r1' };
}

async function keep(proof: LeaseProofOf, text: string, as = key) {
  const bytes = Buffer.from(text);
  const digest = createHash('sha256').update(bytes).digest('hex');
  return await caches.keep(proof, { key: as, digest, source: Readable.from([bytes]) });
}

async function find(proof: LeaseProofOf, as = key): Promise<string | null> {
  const found = await caches.find(proof, as);
  if (found === null || typeof found === 'string') return found;
  try {
    return `${found.level} ${await found.handle.readFile('utf8')}`;
  } finally {
    await found.handle.close();
  }
}

test('a stranger’s run writes nothing that main reads, and reads what main wrote', async () => {
  assert.deepEqual(await keep(await jobAt(0), 'poison'), { why: null });
  for (const level of [1, 2, 3] as const) assert.equal(await find(await jobAt(level)), null);
  assert.deepEqual(await keep(await jobAt(3), 'good'), { why: null });
  assert.equal(await find(await jobAt(3)), '3 good');
  assert.equal(await find(await jobAt(1)), '3 good');
  assert.equal(await find(await jobAt(0)), '0 poison', 'its own level first');
});

test('an entry is written once', async () => {
  const again = await keep(await jobAt(3), 'other');
  assert.deepEqual(again, { why: 'another run was first' });
  assert.equal(await find(await jobAt(3)), '3 good');
});

test('a run that has read a secret writes nothing, nor one in a pool of lower trust', async () => {
  const as = 'd'.repeat(64);
  const proof = await jobAt(2);
  await database.as('nonprod_web').$executeRaw`
    update run_trust set post_review_at = now(), post_review_why = 'read a'
    where run_id = (select run_id from job where id = ${proof.jobId})`;
  assert.deepEqual(await keep(proof, 'secret', as), { why: 'this run read a secret' });
  const lower = await keep(await jobAt(2, 0), 'low', as);
  assert.ok(typeof lower === 'object');
  assert.match(lower.why ?? '', /its pool, of trust 0/);
  assert.equal(await find(await jobAt(2), as), null);
});

test('a job writes no more entries than its plan has caches, one after the other and at once, and nothing is read for the rest', async () => {
  const keys = ['1', '2', '3'].map((digit) => digit.repeat(64));
  const proof = await jobAt(1);
  const [first = '', second = '', third = ''] = keys;
  assert.deepEqual(await keep(proof, 'one', first), { why: null });
  const read: string[] = [];
  const sent = Promise.withResolvers<Buffer>();
  const begun = Promise.withResolvers<undefined>();
  async function* source(as: string): AsyncGenerator<Buffer> {
    read.push(as);
    begun.resolve(undefined);
    yield await sent.promise;
  }
  const digest = createHash('sha256').update('two').digest('hex');
  const send = (of: LeaseProofOf, as: string) =>
    caches.keep(of, { key: as, digest, source: source(as) });
  const tooMany = { why: 'more than this job keeps by its plan, which is 1' };
  assert.deepEqual(await send(proof, second), tooMany);
  assert.deepEqual(await send(proof, first), { why: 'another run was first' });
  assert.deepEqual(read, []);
  const other = await jobAt(1);
  const slow = send(other, second);
  await begun.promise;
  assert.deepEqual(await send(other, second), { why: 'it is being sent already' });
  assert.deepEqual(await send(other, third), tooMany);
  sent.resolve(Buffer.from('two'));
  assert.deepEqual(await slow, { why: null });
  assert.deepEqual(read, [second]);
  assert.equal(await find(await jobAt(1), third), null);
});

test('bytes that are not what was announced are not kept; without the lease nothing is told', async () => {
  const proof = await jobAt(2);
  const source = Readable.from([Buffer.from('b')]);
  const kept = await caches.keep(proof, { key, digest: 'a'.repeat(64), source });
  assert.ok(typeof kept === 'object');
  assert.match(kept.why ?? '', /expected SHA-256/);
  assert.equal(await find({ ...proof, lease: 2 }), 'lease-lost');
  assert.equal(await keep({ ...proof, runner: 'r2' }, 'x'), 'lease-lost');
});

test('beyond a repository’s bytes a stranger’s caches go first; a tar that no entry names goes', async () => {
  const as = 'e'.repeat(64);
  await keep(await jobAt(0), 's'.repeat(97), as);
  await keep(await jobAt(3), 'm'.repeat(90), as);
  const { entries, blobs: tars } = await caches.sweep(new Date(Date.now() + 2 * 60 * 60 * 1000));
  assert.deepEqual([entries, tars], [2, 2]);
  assert.equal(await find(await jobAt(3), as), `3 ${'m'.repeat(90)}`);
  assert.equal(await find(await jobAt(0)), '3 good');
  await caches.sweep(new Date(Date.now() + 15 * 24 * 60 * 60 * 1000));
  assert.equal(await find(await jobAt(3), as), null);
  assert.deepEqual(await blobs.list(), []);
});
