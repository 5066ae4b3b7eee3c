/** Runners come, renew and go: the registry, the guard and the enrolment listener on a real database and real TLS. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createContentStore } from '@airlock/artifacts/content-store';
import { Enrolment, IssuedCertificate } from '@airlock/common/wire/runner-enrolment';
import { Job } from '@airlock/common/wire/runner-protocol';
import { createLog } from '@airlock/process/log';
import { startMachineServer, type MachineServer } from '@airlock/process/machine-server';
import { testPostgres } from '@airlock/testkit/stack';
import { Readable } from 'node:stream';
import { createJobStore } from '../adapters/postgres/job-store.ts';
import { createLeaseSweeper } from '../adapters/postgres/lease-sweeper.ts';
import { createPageQueries } from '../adapters/postgres/page-queries.ts';
import { createPromotionRequestStore } from '../adapters/postgres/promotion-request-store.ts';
import { createPublishStore } from '../adapters/postgres/outbox-store.ts';
import { createAskPromotion } from '../app/ask-promotion.ts';
import { createLeaseJob } from '../app/lease-job.ts';
import { createReportJob } from '../app/report-job.ts';
import { createEvents } from '../events.ts';
import { keepLooks } from '../look-keeping.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { candidate, newId, passedReport, startRun } from '../testing/fixtures.ts';
import {
  certificateRequest,
  ensurePool,
  hello,
  testFleet,
  type TestFleet,
} from '../testing/fleet.ts';
import { testLogs } from '../testing/logs.ts';
import { writeTlsFiles, type MachineClient } from '../testing/machine-client.ts';
import { startEnrolmentServer, type EnrolmentServer } from './enrolment-server.ts';
import { createWorkWaiter, runnerRoutes } from './runner-api.ts';
import { createPoolStore } from '../adapters/postgres/pool-store.ts';
import { runnerRegistryRoutes } from './runner-registry-api.ts';

const silent = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;
const quiet = { ring: () => undefined };
const dayMs = 86_400_000;

let directory: string;
let database: TestDatabase;
let fleet: TestFleet;
let server: MachineServer;
let enrolment: EnrolmentServer;
let now = (): Date => new Date();
const clients: MachineClient[] = [];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'airlock-registry-'));
  database = await testDatabase(await testPostgres());
  fleet = await testFleet(database, join(directory, 'edge'), { clock: () => now() });
  const jobs = createJobStore(database.as('nonprod_web'));
  const events = createEvents(silent);
  const logs = testLogs(database, join(directory, 'logs'));
  const settings = { origin: 'https://ci.example', timeoutSeconds: 60, leaseSeconds: 60 };
  server = await startMachineServer({
    setting: 'runnerApi',
    listener: { host: '127.0.0.1', port: 0, ...fleet.server },
    routes: [
      ...runnerRegistryRoutes(fleet),
      ...runnerRoutes({
        ...{ fleet, jobs, logs: logs.intake },
        mirrors: {
          of: () => ({
            archive: () => Readable.from([]),
          }),
        },
        blobs: createContentStore(join(directory, 'artifacts')),
        settings: { leaseSeconds: 60, maxArtifactBytes: 1 },
        leaseJob: createLeaseJob(
          {
            ...{ jobs, events, secrets: null, bell: quiet, work: quiet, baitFor: () => [] },
            mirrors: {
              of: () => ({ commitObject: () => Promise.resolve(Buffer.from('a commit')) }),
            },
          },
          { ...settings, maxArtifactBytes: 1 },
        ),
        reportJob: createReportJob({
          ...{ jobs, events, logs, bell: quiet, work: quiet },
          lookAtJob: keepLooks({ db: database.as('nonprod_web'), logs: logs.reader, events }),
        }),
        waitForWork: (milliseconds) => createWorkWaiter().wait(Math.min(milliseconds, 50)),
      }),
    ],
    mayCall: (caller, incoming) => fleet.guard.mayCall(caller, incoming),
    onRefusedCaller: () => undefined,
    log: silent,
  });
  const { certificateFile, keyFile } = fleet.server;
  enrolment = await startEnrolmentServer({
    ...{ listen: { host: '127.0.0.1', port: 0 }, certificateFile, keyFile },
    ...{ enrol: fleet.enrol, log: silent },
  });
});

after(async () => {
  for (const client of clients) client.close();
  await Promise.all([server.close(), enrolment.close()]);
  await fleet.close();
  await database.close();
  await rm(directory, { recursive: true });
});

function kept(client: MachineClient): MachineClient {
  clients.push(client);
  return client;
}

/** One request without a client certificate, which is what the enrolment listener is for. */
async function show(
  url: string,
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
): Promise<{ status: number; json: unknown }> {
  const ca = await readFile(fleet.server.caFile);
  return new Promise((resolve, reject) => {
    const outgoing = request(new URL(path, url), { method, ca, agent: false }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (part: string) => (text += part));
      incoming.on('end', () => {
        resolve({ status: incoming.statusCode ?? 0, json: text === '' ? null : JSON.parse(text) });
      });
    });
    outgoing.once('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** What a runner's call about a job that is not there is answered with: 409 when it was let in, 403 when not. */
const call = (client: MachineClient) =>
  client.call('POST', '/v1/jobs/none/heartbeat', { lease: 1 });
const letIn = 409;

const ask = (token: string, csr: string): Promise<{ status: number; json: unknown }> =>
  show(enrolment.url, 'POST', '/v1/enrolments', { token, csr });

test('a token, a key of its own, and a person who accepts it make a runner', async () => {
  await ensurePool(database, 'first', { trust: 2 });
  const made = await fleet.enrol.token(
    { pool: 'first', kind: 'lasting', runner: 'f-1', networks: [] },
    'pat',
  );
  const { csrPem, keyPem } = await certificateRequest();
  const asked = await ask(made.secret, csrPem);
  assert.equal(asked.status, 201);
  const waiting = Enrolment.parse(asked.json);
  assert.equal(waiting.state, 'waiting');
  const [row] = await fleet.enrol.waiting();
  assert.deepEqual([row?.id, row?.keyFingerprint], [waiting.id, waiting.keyFingerprint]);

  await fleet.enrol.accept(waiting.id, 'pat');
  const answer = await show(enrolment.url, 'GET', `/v1/enrolments/${waiting.id}`);
  const accepted = Enrolment.parse(answer.json);
  assert.ok(accepted.state === 'accepted');
  const certificate = new X509Certificate(accepted.issued.chainPem);
  assert.equal(certificate.subjectAltName, 'URI:airlock:runner:f-1');
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  const lifetime = Date.parse(certificate.validTo) - Date.now();
  assert.ok(Math.abs(lifetime - dayMs) < 60_000, `${lifetime} ms`);
  const { caFile } = fleet.server;
  const files = await writeTlsFiles(
    join(directory, 'f-1'),
    'f-1',
    { certificatePem: accepted.issued.caPem, keyPem: '' },
    { certificatePem: accepted.issued.chainPem, keyPem },
  );
  const client = kept(await fleet.running(server.url, { ...files, caFile }));
  assert.equal((await call(client)).status, letIn);
});

test('OpenSSL finds the chain of a runner good for a client, and for a server not', async () => {
  const { caFile, certificateFile } = await fleet.enrolled('openssl');
  const verify = (purpose: string): string =>
    spawnSync(
      'openssl',
      [
        'verify',
        '-x509_strict',
        '-purpose',
        purpose,
        '-CAfile',
        caFile,
        '-untrusted',
        certificateFile,
        certificateFile,
      ],
      { encoding: 'utf8' },
    ).stdout;
  assert.match(verify('sslclient'), /: OK/);
  assert.doesNotMatch(verify('sslserver'), /: OK/);
});

test('a token that is shown again is refused with 401, and the event is kept', async () => {
  await ensurePool(database, 'default');
  const made = await fleet.enrol.token(
    { pool: 'default', kind: 'lasting', runner: null, networks: [] },
    'pat',
  );
  const { csrPem } = await certificateRequest();
  assert.equal((await ask(made.secret, csrPem)).status, 201);
  const again = await ask(made.secret, csrPem);
  assert.equal(again.status, 401);
  assert.match(JSON.stringify(again.json), /token-refused.*airlock runner token/s);
  const rows = await database
    .as('owner')
    .runnerEvent.findMany({ where: { kind: 'token-refused' } });
  assert.equal(rows.length, 1);
});

test('of ten machines that show one token at once exactly one is taken down', async () => {
  const made = await fleet.enrol.token(
    { pool: 'default', kind: 'lasting', runner: 'race', networks: [] },
    'pat',
  );
  const { csrPem } = await certificateRequest();
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(made.secret, csrPem)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [
    201,
    ...Array.from({ length: 9 }, () => 401),
  ]);
});

test('a token past its fifteen minutes is refused', async () => {
  const made = await fleet.enrol.token(
    { pool: 'default', kind: 'lasting', runner: 'late', networks: [] },
    'pat',
  );
  const { csrPem } = await certificateRequest();
  now = () => new Date(Date.now() + 15 * 60_000 + 1);
  try {
    assert.equal((await ask(made.secret, csrPem)).status, 401);
  } finally {
    now = () => new Date();
  }
});

test('a bad request for a certificate costs no token and gets none', async () => {
  const made = await fleet.enrol.token(
    { pool: 'default', kind: 'lasting', runner: 'bad', networks: [] },
    'pat',
  );
  const { csrPem } = await certificateRequest();
  const other = await certificateRequest();
  // The middle of one and the end of the other: well formed and signed by nobody.
  const [head = '', ...lines] = csrPem.trim().split('\n');
  const forged = [head, ...lines.slice(0, -2), ...other.csrPem.trim().split('\n').slice(-2)].join(
    '\n',
  );
  assert.equal((await ask(made.secret, forged)).status, 400);
  assert.equal((await ask(made.secret, 'no request')).status, 400);
  const rsa = spawnSync(
    'openssl',
    ['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=x', '-keyout', '/dev/null'],
    { encoding: 'utf8' },
  ).stdout;
  const refused = await ask(made.secret, rsa);
  assert.match(JSON.stringify(refused.json), /neither P-256 nor Ed25519/);
  assert.equal((await ask(made.secret, csrPem)).status, 201);
});

test('an Ed25519 key is as good, and the name in the request counts for nothing', async () => {
  const made = await fleet.enrol.token(
    { pool: 'default', kind: 'lasting', runner: 'ed', networks: [] },
    'pat',
  );
  const csr = spawnSync(
    'openssl',
    [
      'req',
      '-new',
      '-newkey',
      'ed25519',
      '-nodes',
      '-subj',
      '/CN=airlock:runner:r1',
      '-keyout',
      '/dev/null',
    ],
    { encoding: 'utf8' },
  ).stdout;
  const { id } = Enrolment.parse((await ask(made.secret, csr)).json);
  const accepted = await fleet.enrol.accept(id, 'pat');
  assert.ok(accepted.state === 'accepted');
  const certificate = new X509Certificate(accepted.issued.chainPem);
  assert.equal(certificate.subjectAltName, 'URI:airlock:runner:ed');
});

test('an enrolment is decided once; one that was refused is told so and gets no certificate', async () => {
  const made = await fleet.enrol.token(
    { pool: 'default', kind: 'lasting', runner: 'no', networks: [] },
    'pat',
  );
  const { csrPem } = await certificateRequest();
  const { id } = Enrolment.parse((await ask(made.secret, csrPem)).json);
  await fleet.enrol.refuse(id, 'pat');
  await assert.rejects(fleet.enrol.accept(id, 'pat'), { code: 'already-decided' });
  const told = Enrolment.parse((await show(enrolment.url, 'GET', `/v1/enrolments/${id}`)).json);
  assert.equal(told.state, 'refused');
  assert.equal(await fleet.runners.find('no'), null);
});

test('the enrolment listener answers nothing of the runner API, and names no job', async () => {
  const answer = await show(enrolment.url, 'POST', '/v1/lease', { pool: 'default' });
  assert.equal(answer.status, 404);
});

test('the old certificate is good until the new one says hello', async () => {
  const files = await fleet.enrolled('renew');
  const instance = 'a'.repeat(32);
  const old = kept(await fleet.running(server.url, files, instance));
  const { csrPem, keyPem } = await certificateRequest();
  const answer = await old.call('POST', '/v1/runner/certificate', { csr: csrPem });
  const issued = IssuedCertificate.parse(answer.json);
  assert.equal((await call(old)).status, letIn);
  const next = await writeTlsFiles(
    join(directory, 'renew'),
    'renew',
    { certificatePem: issued.caPem, keyPem: '' },
    { certificatePem: issued.chainPem, keyPem },
  );
  const fresh = kept(await fleet.running(server.url, next, instance));
  assert.equal((await call(fresh)).status, letIn);
  assert.equal((await fleet.runners.find('renew'))?.state, 'active');
});

/** The next certificate of a runner, as its agent gets it. */
async function renewed(client: MachineClient, name: string) {
  const { csrPem, keyPem } = await certificateRequest();
  const answer = await client.call('POST', '/v1/runner/certificate', { csr: csrPem });
  const issued = IssuedCertificate.parse(answer.json);
  return writeTlsFiles(
    join(directory, `${name}-next`),
    name,
    { certificatePem: issued.caPem, keyPem: '' },
    { certificatePem: issued.chainPem, keyPem },
  );
}

test('a thief who renews a stolen key is caught by the next call of the true runner, whose runs are marked from then on', async () => {
  const files = await fleet.enrolled('robbed', 'robbed');
  const run = await startRun(database, { pool: 'robbed' });
  const owner = kept(await fleet.running(server.url, files));
  assert.equal((await owner.call('POST', '/v1/lease', { pool: 'robbed' })).status, 200);

  const thief = kept(await fleet.running(server.url, files));
  const next = await renewed(thief, 'robbed');
  const settled = kept(await fleet.running(server.url, next));
  assert.equal((await call(settled)).status, letIn);

  const caught = await call(owner);
  assert.equal(caught.status, 403);
  assert.match(caught.body.toString(), /quarantined: a key that it had replaced was used again/);
  const found = await fleet.runners.find('robbed');
  assert.deepEqual([found?.state, found?.certificate], ['quarantined', null]);
  assert.match(found?.stateReason ?? '', /^a key that it had replaced was used again/);
  assert.ok((await fleet.runners.events('robbed', 9)).some(({ kind }) => kind === 'cloned'));
  assert.equal(await database.as('owner').runTaint.count({ where: { runId: run.id } }), 1);
  assert.equal((await settled.call('POST', '/v1/runner/hello', hello)).status, 403);
  const [swept] = await createLeaseSweeper(database.as('nonprod_scheduler')).sweep();
  assert.equal(swept?.runId, run.id);
});

test('a copy of a key from before a runner was enrolled again takes nothing from the one that came', async () => {
  const files = await fleet.enrolled('anew');
  const old = kept(await fleet.running(server.url, files));
  kept(await fleet.running(server.url, await renewed(old, 'anew')));
  const now = kept(await fleet.running(server.url, await fleet.enrolled('anew')));
  const late = await call(kept(fleet.client(server.url, files)));
  assert.equal(late.status, 403);
  assert.match(late.body.toString(), /enrolled again/);
  assert.equal((await call(now)).status, letIn);
});

test('a runner that is enrolled again has lost the job that it had', async () => {
  await ensurePool(database, 'reborn', { trust: 0 });
  await startRun(database, { pool: 'reborn' });
  const first = kept(await fleet.running(server.url, await fleet.enrolled('reborn', 'reborn')));
  const leased = Job.parse((await first.call('POST', '/v1/lease', { pool: 'reborn' })).json);
  await fleet.enrolled('reborn', 'reborn');
  const swept = await createLeaseSweeper(database.as('nonprod_scheduler')).sweep();
  assert.deepEqual(
    swept.filter(({ jobId }) => jobId === leased.jobId).map(({ outcome }) => outcome),
    ['requeued'],
  );
});

test('a runner that is enrolled again loses its certificate and its open connections at once', async () => {
  const before = kept(await fleet.running(server.url, await fleet.enrolled('again')));
  const held = before.call('POST', '/v1/lease', { pool: 'default' });
  const cut = assert.rejects(held, /socket hang up|ECONNRESET/);
  await delay(100);
  const after = await fleet.enrolled('again');
  await cut;
  assert.equal((await before.call('POST', '/v1/runner/hello', hello)).status, 403);
  kept(await fleet.running(server.url, after));
});

test('two processes under one certificate: the runner is quarantined when the first speaks again', async () => {
  const files = await fleet.enrolled('twin');
  const first = kept(await fleet.running(server.url, files));
  const second = kept(await fleet.running(server.url, files));
  const caught = await call(first);
  assert.equal(caught.status, 403);
  assert.match(caught.body.toString(), /twin is quarantined: two processes use its key/);
  const found = await fleet.runners.find('twin');
  assert.deepEqual([found?.state, found?.certificate], ['quarantined', null]);
  assert.equal((await second.call('POST', '/v1/runner/hello', hello)).status, 403);
});

test('a runner that was started anew is no clone of the process before', async () => {
  const files = await fleet.enrolled('restarted');
  (await fleet.running(server.url, files)).close();
  const client = kept(await fleet.running(server.url, files));
  assert.equal((await call(client)).status, letIn);
  assert.equal((await fleet.runners.find('restarted'))?.state, 'active');
});

test('before its hello a process gets nothing', async () => {
  const client = kept(fleet.client(server.url, await fleet.enrolled('mute')));
  const answer = await client.call('POST', '/v1/lease', { pool: 'default' });
  assert.deepEqual([answer.status, /say hello first/.test(answer.body.toString())], [403, true]);
});

test('quarantine: connections cut, the job another’s, late reports refused, what it built marked', async () => {
  const files = await fleet.enrolled('suspect', 'lab');
  const suspect = kept(await fleet.running(server.url, files));
  const run = await startRun(database, { pool: 'lab' });
  const job = Job.parse((await suspect.call('POST', '/v1/lease', { pool: 'lab' })).json);
  const since = new Date(Date.now() - 3_600_000);
  const why = { reason: 'odd traffic', since };
  assert.deepEqual(await fleet.lookAfter.quarantine('suspect', why, 'pat'), { jobs: 1, runs: 1 });
  const report = await suspect.call(
    'POST',
    `/v1/jobs/${job.jobId}/report`,
    passedReport(job.lease),
  );
  assert.equal(report.status, 403);
  assert.match(report.body.toString(), /quarantined: odd traffic/);

  const requeued = await createLeaseSweeper(database.as('nonprod_scheduler')).sweep();
  assert.deepEqual(
    requeued.map(({ jobId, outcome }) => [jobId, outcome]),
    [[job.jobId, 'requeued']],
  );
  const sound = kept(await fleet.running(server.url, await fleet.enrolled('sound', 'lab')));
  const again = Job.parse((await sound.call('POST', '/v1/lease', { pool: 'lab' })).json);
  assert.deepEqual([again.jobId, again.lease > job.lease], [job.jobId, true]);
  const marks = await database.as('owner').runTaint.findMany({ where: { runner: 'suspect' } });
  assert.deepEqual(
    marks.map(({ runId, reason }) => [runId, reason]),
    [[run.id, 'odd traffic']],
  );
});

test('a registration for one job has one, however often and from how many calls it asks', async () => {
  const files = await fleet.enrolled('single', 'singles', 'once');
  const client = kept(await fleet.running(server.url, files));
  for (let count = 0; count < 3; count += 1) await startRun(database, { pool: 'singles' });
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => client.call('POST', '/v1/lease', { pool: 'singles' })),
  );
  const given = answers.filter(({ status }) => status === 200);
  assert.equal(given.length, 1);
  assert.equal((await client.call('POST', '/v1/lease', { pool: 'singles' })).status, 403);
  const { jobId, lease } = Job.parse(given[0]?.json);
  assert.equal((await client.call('POST', `/v1/jobs/${jobId}/heartbeat`, { lease })).status, 200);
  await createLeaseSweeper(database.as('nonprod_scheduler')).sweep();
  const left = await database
    .as('owner')
    .job.count({ where: { pool: 'singles', state: 'queued' } });
  assert.equal(left, 2);
});

test('a pool of one-job runners gives nothing to a runner that lasts', async () => {
  await ensurePool(database, 'fresh', { once: true });
  const made = await fleet.enrol.token(
    { pool: 'fresh', kind: 'lasting', runner: null, networks: [] },
    'pat',
  );
  assert.equal(made.kind, 'once');
  const lasting = await fleet.enrolled('lasts', 'became-once');
  const client = kept(await fleet.running(server.url, lasting));
  // The second is a pool of strangers of which nothing says why its runners would be used again.
  for (const data of [
    { once: true, reuse: null },
    { once: false, reuse: null },
  ]) {
    await database.as('owner').pool.updateMany({ where: { name: 'became-once' }, data });
    const answer = await client.call('POST', '/v1/lease', { pool: 'became-once' });
    assert.equal(answer.status, 403);
    assert.match(answer.body.toString(), /takes runners for one job only/);
  }
});

test('a runner for one job that was not started for one job is turned away as it says hello, with how to start it', async () => {
  await ensurePool(database, 'one-job', { once: true });
  const lasting = { version: 'test', isolation: 'bubblewrap', labels: [] };
  const say = async (runner: string, pool: string, said: object) => {
    const client = kept(fleet.client(server.url, await fleet.enrolled(runner, pool)));
    return client.call('POST', '/v1/runner/hello', said);
  };
  const refused = await say('stays', 'one-job', lasting);
  assert.equal(refused.status, 403);
  assert.match(refused.body.toString(), /start it with airlock-runner agent --once/);
  assert.equal((await say('ends', 'one-job', { ...lasting, once: true })).status, 204);
  assert.equal((await say('lasting', 'many-jobs', lasting)).status, 204);
});

test('a pool for one platform turns away a runner on another, or that says none, and says so on its page', async () => {
  await ensurePool(database, 'for-arm');
  const owner = database.as('owner');
  const labelled = (platform: string) =>
    owner.pool.updateMany({ where: { name: 'for-arm' }, data: { labels: { platform } } });
  await labelled('linux/arm64');
  const client = kept(fleet.client(server.url, await fleet.enrolled('arm-1', 'for-arm')));
  const say = (said: object) => client.call('POST', '/v1/runner/hello', { ...hello, ...said });
  for (const said of [{}, { platform: 'linux/amd64' }]) {
    const refused = await say(said);
    assert.equal(refused.status, 403);
    assert.match(refused.body.toString(), /the pool for-arm is for linux\/arm64/);
  }
  const [event] = await fleet.runners.events('arm-1', 1);
  assert.match(event?.text ?? '', /^Turned away: arm-1 does not say what it runs on/);
  assert.equal((await client.call('POST', '/v1/lease', { pool: 'for-arm' })).status, 403);
  assert.equal((await say({ platform: 'linux/arm64' })).status, 204);
  const looked = await fleet.runners.find('arm-1');
  assert.deepEqual([looked?.platform, looked?.misfit], ['linux/arm64', null]);
  await startRun(database, { pool: 'for-arm' });
  // Since it said hello the pool was given to another platform.
  await labelled('linux/386');
  const barred = await client.call('POST', '/v1/lease', { pool: 'for-arm' });
  assert.equal(barred.status, 403);
  assert.match(barred.body.toString(), /arm-1 runs on linux\/arm64/);
  const { misfit } = (await fleet.runners.list()).find(({ id }) => id === 'arm-1') ?? {};
  assert.match(misfit ?? '', /^arm-1 runs on linux\/arm64, and the pool for-arm is for linux\/386/);
  assert.equal(await owner.job.count({ where: { pool: 'for-arm', state: 'queued' } }), 1);
  await labelled('*');
  assert.equal((await client.call('POST', '/v1/lease', { pool: 'for-arm' })).status, 200);
  // Enrolled anew it may be another machine, of which nothing is known yet.
  await fleet.enrolled('arm-1', 'for-arm');
  assert.equal((await fleet.runners.find('arm-1'))?.platform, null);
});

test('where builds of a pool may connect to is the word of its runners, who say it anew with each hello', async () => {
  await ensurePool(database, 'reaching');
  const pools = createPoolStore(database.as('nonprod_web'));
  assert.deepEqual(await pools.egress('reaching'), []);
  const client = kept(fleet.client(server.url, await fleet.enrolled('reaches', 'reaching')));
  assert.deepEqual(await pools.egress('reaching'), []);
  const say = async (egress: unknown) =>
    (await client.call('POST', '/v1/runner/hello', { ...hello, egress })).status;
  const egress = { places: ['registry.npmjs.org:443'], count: 1 };
  assert.equal(await say(egress), 204);
  assert.deepEqual(await pools.egress('reaching'), [egress]);
  assert.deepEqual((await fleet.runners.find('reaches'))?.egress, egress);
  const place = `${'a'.repeat(255)}:65535`;
  assert.equal(await say({ places: Array.from({ length: 200 }, () => place), count: 200 }), 204);
  assert.equal(await say({ places: Array.from({ length: 201 }, () => place), count: 201 }), 400);
  assert.equal(await say({ places: ['<b>:443'], count: 1 }), 400);
  assert.equal(await say(undefined), 204);
  assert.deepEqual(await pools.egress('reaching'), [null]);
  await database
    .as('owner')
    .runner.updateMany({ where: { id: 'reaches' }, data: { state: 'quarantined' } });
  assert.deepEqual(await pools.egress('reaching'), []);
});

test('a draining runner ends its job and is given no other', async () => {
  const client = kept(await fleet.running(server.url, await fleet.enrolled('drain', 'drains')));
  await startRun(database, { pool: 'drains' });
  await startRun(database, { pool: 'drains' });
  const job = Job.parse((await client.call('POST', '/v1/lease', { pool: 'drains' })).json);
  await fleet.lookAfter.drain('drain', 'pat');
  assert.equal((await client.call('POST', '/v1/lease', { pool: 'drains' })).status, 204);
  const beat = await client.call('POST', `/v1/jobs/${job.jobId}/heartbeat`, { lease: job.lease });
  assert.deepEqual([beat.status, beat.json], [200, { cancelled: false }]);
  await fleet.lookAfter.resume('drain', 'pat');
  assert.equal((await client.call('POST', '/v1/lease', { pool: 'drains' })).status, 200);
});

test('who was not seen for thirty days is disabled, and who was is not', async () => {
  const files = await fleet.enrolled('stale');
  const client = kept(await fleet.running(server.url, files));
  await fleet.enrolled('lively');
  now = () => new Date(Date.now() + 30 * dayMs + 1000);
  try {
    await fleet.runners.seen('lively', now());
    const pruned = await fleet.lookAfter.prune(30, 'airlock');
    assert.ok(pruned.includes('stale'));
    assert.ok(!pruned.includes('lively'));
  } finally {
    now = () => new Date();
  }
  const answer = await client.call('POST', '/v1/runner/hello', hello);
  assert.equal(answer.status, 403);
  const [event] = await fleet.runners.events('stale', 1);
  assert.deepEqual([event?.kind, event?.text], ['disabled', 'Disabled: not seen for 30 days.']);
});

test('a runner that another process barred is cut by the next look, without a call of its own', async () => {
  const client = kept(await fleet.running(server.url, await fleet.enrolled('elsewhere')));
  const held = client.call('POST', '/v1/lease', { pool: 'default' });
  await delay(100);
  await database
    .as('owner')
    .runner.updateMany({ where: { id: 'elsewhere' }, data: { state: 'disabled' } });
  const cut = assert.rejects(held, /socket hang up|ECONNRESET/);
  await fleet.guard.cutBarred();
  await cut;
});

test('a candidate of a quarantined runner is not asked for, and one that was asked for is not published', async () => {
  await fleet.enrolled('r1');
  const id = await candidate(database);
  const requests = createPromotionRequestStore(database.as('nonprod_web'));
  const ask = createAskPromotion({ requests, bell: quiet, events: createEvents(silent), newId });
  const requester = { id: 'dana', idp: 'idp', name: 'Dana' };
  const wish = { candidateId: id, target: 'prod', reason: 'VAT', requester };
  const asked = await ask(wish);
  assert.ok(asked.kind === 'asked');
  const why = { reason: 'odd traffic', since: new Date(Date.now() - dayMs) };
  await fleet.lookAfter.quarantine('r1', why, 'pat');

  const refused = await ask(wish);
  assert.ok(refused.kind === 'refused');
  assert.deepEqual(
    refused.reasons.map(({ code }) => code),
    ['built-by-quarantined'],
  );
  const [waiting] = await createPublishStore(database.as('nonprod_scheduler')).asked(1);
  assert.equal(waiting?.id, asked.id);
  assert.equal(waiting.taint, 'It was built by r1, which is quarantined: odd traffic');
  const page = await createPageQueries(database.as('nonprod_web')).candidate(id);
  assert.equal(page?.taint, waiting.taint);
});
