import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createContentStore } from '@airlock/artifacts/content-store';
import { createCertificateAuthority, issueCertificate } from '@airlock/cli/setup/pki';
import { planStep, runPlan } from '@airlock/common/testing/plans';
import { startMachineServer, type MachineServer } from '@airlock/process/machine-server';
import { testPostgres } from '@airlock/testkit/stack';
import { createCacheStore } from '../adapters/postgres/cache-store.ts';
import { createJobStore } from '../adapters/postgres/job-store.ts';
import { createBuildCaches } from '../app/keep-caches.ts';
import { runnerPrefix } from '../domain/runner.ts';
import type { TrustLevel } from '../domain/trust-level.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { startRun } from '../testing/fixtures.ts';
import {
  machineClient,
  writeTlsFiles,
  type MachineClient,
  type Pem,
} from '../testing/machine-client.ts';
import { silent } from '../testing/secrets.ts';
import { cacheRoutes } from './cache-api.ts';

const serverIdentity = 'airlock:nonprod:runner-api';
const key = 'c'.repeat(64);
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

let directory: string;
let database: TestDatabase;
let server: MachineServer;
let ca: Pem;
let r1: MachineClient;
let r2: MachineClient;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'airlock-cache-api-'));
  database = await testDatabase(await testPostgres());
  ca = await createCertificateAuthority('runner-edge');
  const issued = await issueCertificate({
    ...{ ca, uriSan: serverIdentity, dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] },
    ...{ usage: 'server', days: 1 },
  });
  server = await startMachineServer({
    setting: 'listener',
    listener: {
      ...{ host: '127.0.0.1', port: 0 },
      ...(await writeTlsFiles(directory, 'server', ca, issued)),
    },
    routes: cacheRoutes(
      createBuildCaches(
        {
          entries: createCacheStore(database.as('nonprod_web')),
          blobs: createContentStore(join(directory, 'caches')),
        },
        { keepDays: 14, maxRepositoryBytes: 1000 },
      ),
    ),
    mayCall: (caller) => caller.startsWith(runnerPrefix),
    onRefusedCaller: () => undefined,
    log: silent,
  });
  r1 = await runnerNamed('r1');
  r2 = await runnerNamed('r2');
  for (const trust of [0, 3]) {
    await database.as('owner').pool.create({
      data: {
        ...{ name: `level-${trust}`, trust, isolation: 'bubblewrap', once: false },
        ...{ images: [], labels: {}, everyone: false },
      },
    });
  }
});

after(async () => {
  r1.close();
  r2.close();
  await server.close();
  await database.close();
  await rm(directory, { recursive: true });
});

async function runnerNamed(id: string): Promise<MachineClient> {
  const certificate = await issueCertificate({
    ...{ ca, uriSan: `${runnerPrefix}${id}`, dnsNames: [], ipAddresses: [] },
    ...{ usage: 'client', days: 1 },
  });
  const files = await writeTlsFiles(join(directory, id), 'client', ca, certificate);
  return machineClient(server.url, files, serverIdentity);
}

const caching = planStep('deps', { caches: [{ path: 'node_modules', key: 'npm', files: [] }] });

/** A run of that level whose job r1 has. */
async function leased(level: TrustLevel, step = caching): Promise<{ job: string; lease: number }> {
  const pool = `level-${level}`;
  const filesCommit = 'a'.repeat(40);
  await startRun(database, {
    ...{ plan: runPlan([step]), pool },
    trust: { level, why: 'told so', files: 'own', filesCommit, notes: [] },
  });
  const jobs = createJobStore(database.as('nonprod_web'));
  const claimed = await jobs.claim({ runner: 'r1', pool, leaseSeconds: 60 });
  assert.ok(claimed !== null);
  return { job: claimed.jobId, lease: claimed.lease };
}

const pathOf = ({ job, lease }: { job: string; lease: number }, more: Record<string, string>) =>
  `/v1/jobs/${job}/cache?${new URLSearchParams({ lease: String(lease), ...more }).toString()}`;

test('main’s run keeps a tar; a stranger’s gets its bytes, and what that one keeps under the key main does not get', async () => {
  const main = await leased(3);
  const stranger = await leased(0);
  assert.equal((await r1.call('GET', pathOf(main, { key }))).status, 204);
  assert.equal((await r1.call('GET', pathOf(stranger, { key }))).status, 204);

  const poison = Buffer.from('poison');
  const planted = await r1.call('PUT', pathOf(stranger, { key, sha256: sha256(poison) }), poison);
  assert.deepEqual([planted.status, planted.json], [200, { why: null }]);
  assert.equal((await r1.call('GET', pathOf(main, { key }))).status, 204);

  const good = Buffer.from('good');
  const other = 'd'.repeat(64);
  const kept = await r1.call('PUT', pathOf(main, { key: other, sha256: sha256(good) }), good);
  assert.deepEqual(kept.json, { why: null });
  const read = await r1.call('GET', pathOf(stranger, { key: other }));
  assert.deepEqual([read.status, read.body.toString()], [200, 'good']);
  const over = await r1.call('PUT', pathOf(main, { key: other, sha256: sha256(poison) }), poison);
  assert.deepEqual(over.json, { why: 'another run was first' });
  assert.equal((await r1.call('GET', pathOf(main, { key: other }))).body.toString(), 'good');
});

test('another runner, another lease, and a lease that has run out are told nothing', async () => {
  const mine = await leased(3);
  const bytes = Buffer.from('theirs');
  const wish = { key: 'e'.repeat(64), sha256: sha256(bytes) };
  const owner = database.as('owner');
  assert.equal((await r2.call('GET', pathOf(mine, wish))).status, 409);
  assert.equal((await r2.call('PUT', pathOf(mine, wish), bytes)).status, 409);
  const earlier = { ...mine, lease: mine.lease + 1 };
  assert.equal((await r1.call('GET', pathOf(earlier, wish))).status, 409);
  const where = { id: mine.job };
  await owner.job.update({ where, data: { leaseExpiresAt: new Date(Date.now() - 1000) } });
  assert.equal((await r1.call('PUT', pathOf(mine, wish), bytes)).status, 409);
  assert.equal(await owner.cacheEntry.count({ where: { key: wish.key } }), 0);
});

test('a job whose steps keep nothing keeps nothing; a key or digest that is none is refused by name', async () => {
  const plain = await leased(3, planStep('test'));
  const bytes = Buffer.from('x');
  const wish = { key, sha256: sha256(bytes) };
  const refused = await r1.call('PUT', pathOf(plain, wish), bytes);
  assert.equal(refused.status, 422);
  assert.match(refused.body.toString(), /no step of this job keeps a cache/);
  const job = await leased(3);
  const nameless = await r1.call('GET', pathOf(job, { key: '../../etc' }));
  assert.equal(nameless.status, 400);
  assert.match(nameless.body.toString(), /key is needed in the query/);
  const undigested = await r1.call('PUT', pathOf(job, { key }), bytes);
  assert.match(undigested.body.toString(), /sha256 is needed in the query/);
});

test('bytes that are not what was announced, and more than may be kept, are not kept', async () => {
  const job = await leased(3);
  for (const [bytes, digest, why] of [
    [Buffer.from('b'), 'a'.repeat(64), /expected SHA-256/],
    [Buffer.alloc(1001), sha256(Buffer.alloc(1001)), /1000/],
  ] as const) {
    const fresh = 'f'.repeat(64);
    const answer = await r1.call('PUT', pathOf(job, { key: fresh, sha256: digest }), bytes);
    assert.equal(answer.status, 200);
    assert.match(answer.body.toString(), why);
    assert.equal((await r1.call('GET', pathOf(job, { key: fresh }))).status, 204);
  }
});

test('a tar that was altered on the disk is not handed out, and its entry goes', async () => {
  const job = await leased(3);
  const bytes = Buffer.from('whole');
  const wish = { key: '9'.repeat(64), sha256: sha256(bytes) };
  assert.deepEqual((await r1.call('PUT', pathOf(job, wish), bytes)).json, { why: null });
  const file = await fileOf(wish.sha256);
  assert.equal((await readFile(file)).toString(), 'whole');
  await rm(file);
  await writeFile(file, 'wrong');
  assert.equal((await r1.call('GET', pathOf(job, wish))).status, 204);
  assert.equal(await database.as('owner').cacheEntry.count({ where: { key: wish.key } }), 0);
});

/** Where the store put it. */
async function fileOf(digest: string): Promise<string> {
  const all = await readdir(join(directory, 'caches'), { recursive: true });
  const found = all.find((name) => name.endsWith(digest));
  return join(directory, 'caches', found ?? assert.fail(all.join(' ')));
}
