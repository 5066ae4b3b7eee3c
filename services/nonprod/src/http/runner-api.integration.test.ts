import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { createContentStore } from '@airlock/artifacts/content-store';
import { createCertificateAuthority, issueCertificate } from '@airlock/cli/setup/pki';
import { Job } from '@airlock/common/wire/runner-protocol';
import { planDigest } from '@airlock/pipeline/plan-digest';
import { createLog } from '@airlock/process/log';
import { testPostgres } from '@airlock/testkit/stack';
import { createJobStore } from '../adapters/postgres/job-store.ts';
import { createPageQueries } from '../adapters/postgres/page-queries.ts';
import { createGiveBait } from '../app/give-bait.ts';
import { createLeaseJob } from '../app/lease-job.ts';
import { createReportJob } from '../app/report-job.ts';
import { createEvents } from '../events.ts';
import { keepLooks } from '../look-keeping.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { passedReport, plan, startRun } from '../testing/fixtures.ts';
import { testLogs, type TestLogs } from '../testing/logs.ts';
import { hello, testFleet, type TestFleet } from '../testing/fleet.ts';
import { writeTlsFiles, type MachineClient } from '../testing/machine-client.ts';
import { startMachineServer, type MachineServer } from '@airlock/process/machine-server';
import { createWorkWaiter, runnerRoutes } from './runner-api.ts';
import { runnerRegistryRoutes } from './runner-registry-api.ts';

const silent = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;

let directory: string;
let database: TestDatabase;
let server: MachineServer;
let fleet: TestFleet;
let logs: TestLogs;
const waiter = createWorkWaiter();
const quiet = { ring: () => undefined };
/** Commits whose mirror was lost. */
const gone = new Set<string>();
const objectOf = (commit: string): Buffer | null =>
  gone.has(commit) ? null : Buffer.from(`object of ${commit}`);
const rung: string[] = [];
const clients: MachineClient[] = [];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'airlock-runner-api-'));
  database = await testDatabase(await testPostgres());
  const jobs = createJobStore(database.as('nonprod_web'));
  logs = testLogs(database, join(directory, 'logs'));
  const events = createEvents(silent);
  fleet = await testFleet(database, join(directory, 'edge'));
  server = await startMachineServer({
    setting: 'listener',
    listener: { host: '127.0.0.1', port: 0, ...fleet.server },
    routes: [
      ...runnerRegistryRoutes(fleet),
      ...runnerRoutes({
        fleet,
        jobs,
        logs: logs.intake,
        mirrors: {
          of: () => ({
            archive: (commit) => Readable.from([Buffer.from(`tar of ${commit}`)]),
          }),
        },
        blobs: createContentStore(join(directory, 'artifacts')),
        settings: { leaseSeconds: 60, maxArtifactBytes: 2_000_000 },
        leaseJob: createLeaseJob(
          {
            ...{ jobs, events, secrets: null, bell: quiet, work: quiet },
            mirrors: {
              of: () => ({ commitObject: (commit) => Promise.resolve(objectOf(commit)) }),
            },
            baitFor: createGiveBait({ maskers: logs.maskers, random: randomBytes }),
          },
          {
            origin: 'https://ci.example',
            leaseSeconds: 60,
            timeoutSeconds: 600,
            maxArtifactBytes: 2_000_000,
          },
        ),
        reportJob: createReportJob({
          ...{ jobs, events, logs },
          lookAtJob: keepLooks({ db: database.as('nonprod_web'), logs: logs.reader, events }),
          bell: { ring: (id) => rung.push(id) },
          work: quiet,
        }),
        waitForWork: (milliseconds) => waiter.wait(milliseconds),
      }),
    ],
    mayCall: (caller, request) => fleet.guard.mayCall(caller, request),
    onRefusedCaller: () => undefined,
    log: silent,
  });
});

after(async () => {
  for (const client of clients) client.close();
  await server.close();
  await logs.files.end();
  await fleet.close();
  await database.close();
  await rm(directory, { recursive: true });
});

const runnerNames = new Map<string, Promise<MachineClient>>();

/** The one process of a runner, which is enrolled when it is first asked for. */
function runnerNamed(runner: string, named = 'default'): Promise<MachineClient> {
  const started = runnerNames.get(runner) ?? start(runner, named);
  runnerNames.set(runner, started);
  return started;
}

async function start(runner: string, named: string): Promise<MachineClient> {
  const client = await fleet.running(server.url, await fleet.enrolled(runner, named));
  clients.push(client);
  return client;
}

async function lease(client: MachineClient, pool = 'default'): Promise<Job> {
  const answer = await client.call('POST', '/v1/lease', { pool });
  assert.equal(answer.status, 200);
  return Job.parse(answer.json);
}

test('a job’s life: lease, source, log, heartbeat, artifact, report', async () => {
  const run = await startRun(database);
  const client = await runnerNamed('r1');
  const job = await lease(client);
  assert.equal(job.runId, run.id);
  assert.equal(job.run.commit, run.commit);
  assert.equal(planDigest(job.plan), planDigest(plan));
  assert.deepEqual(Buffer.from(job.commitObject, 'base64'), objectOf(run.commit));
  assert.equal(job.invocationId, `https://ci.example/runs/${run.id}`);
  const at = `/v1/jobs/${job.jobId}`;

  const source = await client.call('GET', `${at}/source?lease=${job.lease}`);
  assert.equal(source.body.toString(), `tar of ${run.commit}`);
  const say = (text: string, offset: number, end = '') =>
    client.call(
      'POST',
      `${at}/log?lease=${job.lease}&step=build&offset=${offset}${end}`,
      Buffer.from(text),
    );
  logs.maskers.of(job).add([Buffer.from('hunter2-hunter2')]);
  const log = await say('hello hunter2-', 0);
  assert.deepEqual([log.status, log.json], [200, { next: 6 }]);
  assert.deepEqual((await say('hunter2-hunter2\n', 6)).json, { next: 22 });
  assert.equal((await client.call('POST', `${at}/heartbeat`, { lease: job.lease })).status, 200);

  const bytes = Buffer.from('the artifact');
  const digest = createHash('sha256').update(bytes).digest('hex');
  const upload = `${at}/artifact?lease=${job.lease}&name=web.tar.gz&sha256=${digest}`;
  const kept = await client.call('PUT', upload, bytes);
  assert.deepEqual([kept.status, kept.json], [201, { digest, size: bytes.length }]);

  const report = {
    ...passedReport(job.lease),
    artifact: { name: 'web.tar.gz', digest, size: bytes.length },
  };
  assert.equal((await client.call('POST', `${at}/report`, report)).status, 204);
  // Ending the job ends its logs.
  const name = { jobId: job.jobId, lease: job.lease, step: 'build' };
  assert.deepEqual(await logs.reader.size(name), { bytes: 15, lines: 1, isOpen: false });
  const page = await createPageQueries(database.as('nonprod_web')).run(run.id);
  assert.equal(page?.state, 'passed');
  assert.deepEqual(page.artifact, report.artifact);
  assert.ok(rung.includes(run.id));
});

test('a certificate that the right authority signed and nobody registered is refused, whatever it says', async () => {
  for (const name of ['airlock:runner:r1', 'airlock:gate:intake', 'airlock:runner:']) {
    const forged = await fleet.signed(name);
    const client = fleet.client(server.url, forged);
    clients.push(client);
    const answer = await client.call('POST', '/v1/runner/hello', hello);
    assert.equal(answer.status, 403, name);
  }
});

test('a certificate of another authority does not get as far as a request', async () => {
  const ca = await createCertificateAuthority('somebody');
  const certificate = await issueCertificate({
    ...{ ca, uriSan: 'airlock:runner:r1', dnsNames: [], ipAddresses: [] },
    ...{ usage: 'client', days: 1 },
  });
  const { caFile } = fleet.server;
  const files = await writeTlsFiles(join(directory, 'somebody'), 'client', ca, certificate);
  const client = fleet.client(server.url, { ...files, caFile });
  clients.push(client);
  await assert.rejects(client.call('POST', '/v1/runner/hello', hello));
});

test('a runner gets jobs of its own pool only', async () => {
  const client = await runnerNamed('r1');
  const answer = await client.call('POST', '/v1/lease', { pool: 'trusted' });
  assert.equal(answer.status, 403);
});

test('a job of strangers comes with bait that its log shows nothing of, and a job of anybody else with none', async () => {
  const client = await runnerNamed('baited', 'strangers');
  const trust = { why: 'told so', files: 'base', filesCommit: 'a'.repeat(40), notes: [] } as const;
  await startRun(database, { pool: 'strangers', trust: { ...trust, level: 0 } });
  const { bait = [], jobId, lease: number } = await lease(client, 'strangers');
  assert.deepEqual(
    bait.map(({ name }) => name),
    ['cloud-key-id', 'cloud-key', 'registry-key'],
  );
  for (const { value } of bait) {
    assert.equal(logs.maskers.of({ jobId, lease: number }).text(`x ${value} y`), 'x [masked] y');
  }
  for (const level of [1, 2, 3] as const) {
    await startRun(database, { pool: 'strangers', trust: { ...trust, level } });
    // An older runner knows no such field.
    assert.ok(!('bait' in (await lease(client, 'strangers'))), `trust ${level}`);
  }
});

test('a job whose commit is in no mirror ends before a runner has it, and says so', async () => {
  const run = await startRun(database, { pool: 'lost', commit: 'd'.repeat(40) });
  gone.add(run.commit);
  const asked = (await runnerNamed('r1-lost', 'lost')).call('POST', '/v1/lease', { pool: 'lost' });
  assert.equal((await asked).status, 204);
  const [job] = await database.as('owner').job.findMany({ where: { runId: run.id } });
  assert.deepEqual(
    [job?.state, job?.outcome, job?.reason],
    ['finished', 'failed', `${run.commit} is not in the mirror of ${run.repository} any more.`],
  );
});

test('another runner cannot act on a job by naming it and its lease', async () => {
  await startRun(database);
  const job = await lease(await runnerNamed('r1'));
  const thief = await runnerNamed('r2');
  const at = `/v1/jobs/${job.jobId}`;
  const digest = 'a'.repeat(64);
  const tries = [
    await thief.call('POST', `${at}/heartbeat`, { lease: job.lease }),
    await thief.call('GET', `${at}/source?lease=${job.lease}`),
    await thief.call(
      'PUT',
      `${at}/artifact?lease=${job.lease}&name=web.tar.gz&sha256=${digest}`,
      Buffer.from('x'),
    ),
    await thief.call('POST', `${at}/log?lease=${job.lease}&step=build&offset=0`, Buffer.from('x')),
    await thief.call('POST', `${at}/report`, passedReport(job.lease)),
  ];
  for (const { status } of tries) assert.equal(status, 409);
});

test('an artifact must be the one asked for, as long as allowed, and what its digest says', async () => {
  await startRun(database);
  const client = await runnerNamed('r1');
  const job = await lease(client);
  const put = (name: string, digest: string, bytes: Buffer) =>
    client.call(
      'PUT',
      `/v1/jobs/${job.jobId}/artifact?lease=${job.lease}&name=${name}&sha256=${digest}`,
      bytes,
    );
  const digest = createHash('sha256').update('x').digest('hex');
  assert.equal((await put('other.tar.gz', digest, Buffer.from('x'))).status, 422);
  assert.equal((await put('..%2Fweb.tar.gz', digest, Buffer.from('x'))).status, 400);
  assert.equal((await put('web.tar.gz', digest, Buffer.from('y'))).status, 422);
  assert.equal((await put('web.tar.gz', digest, Buffer.alloc(1_000_001))).status, 413);
});

test('a request for work is held until there is some', async () => {
  const client = await runnerNamed('r3', 'trusted');
  const asked = client.call('POST', '/v1/lease', { pool: 'trusted' });
  const run = await startRun(database, { pool: 'trusted' });
  waiter.wake();
  assert.equal(Job.parse((await asked).json).runId, run.id);
});

test('a piece of log without a step or an offset, or too large, is refused by name', async () => {
  await startRun(database);
  const client = await runnerNamed('r1');
  const job = await lease(client);
  const at = `/v1/jobs/${job.jobId}/log?lease=${job.lease}`;
  for (const query of [
    '&offset=0',
    '&step=build',
    '&step=..%2Fx&offset=0',
    '&step=build&offset=-1',
  ]) {
    assert.equal((await client.call('POST', at + query, Buffer.from('x'))).status, 400, query);
  }
  const flood = Buffer.alloc(1024 * 1024 + 1);
  assert.equal((await client.call('POST', `${at}&step=build&offset=0`, flood)).status, 400);
});

test('what is not JSON of the protocol’s shape is refused by name', async () => {
  const client = await runnerNamed('r1');
  const bodies = [Buffer.from('{'), { pool: 'a b' }, { pool: 'default', extra: 1 }];
  for (const body of bodies) {
    const answer = await client.call('POST', '/v1/lease', body);
    assert.equal(answer.status, 400);
  }
  assert.equal((await client.call('GET', '/v1/nothing')).status, 404);
});
