import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { JobReport } from '@airlock/common/wire/runner-protocol';
import { createLog } from '@airlock/process/log';
import { testPostgres } from '@airlock/testkit/stack';
import { createCandidateStore } from '../adapters/postgres/candidate-store.ts';
import { createGroupStore } from '../adapters/postgres/group-store.ts';
import { createJobStore } from '../adapters/postgres/job-store.ts';
import { createPageQueries } from '../adapters/postgres/page-queries.ts';
import { createPromotionRequestStore } from '../adapters/postgres/promotion-request-store.ts';
import { createReviewStore } from '../adapters/postgres/review-store.ts';
import { createSightStore } from '../adapters/postgres/sight-store.ts';
import { createAskPromotion, type AskAnswer } from '../app/ask-promotion.ts';
import { mostLines } from '../app/look-at-job.ts';
import { createReportJob } from '../app/report-job.ts';
import { createEvents } from '../events.ts';
import { keepLooks } from '../look-keeping.ts';
import { keepRuns } from '../run-keeping.ts';
import type { RunPerson } from '../app/usage-ports.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import {
  artifact,
  envelope,
  newId,
  passedReport,
  repository,
  startRun,
} from '../testing/fixtures.ts';
import { testLogs, type TestLogs } from '../testing/logs.ts';
import { startTestWeb, type Browser, type TestWeb } from '../testing/web.ts';
import { heedOwners } from './heed-owners.ts';
import { apiRoutes } from './routes/api.ts';
import { pageRoutes } from './routes/pages.tsx';
import { runLifeRoutes } from './routes/run-life.ts';

let directory: string;
let database: TestDatabase;
let logs: TestLogs;
let web: TestWeb;
const quiet = { ring: () => undefined };
const told: Record<string, unknown>[] = [];
const log = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) {
  log[level] = (event, fields) => told.push({ level, event, ...fields });
}
const events = createEvents(log);

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'airlock-looks-'));
  database = await testDatabase(await testPostgres());
  const db = database.as('nonprod_web');
  logs = testLogs(database, join(directory, 'logs'));
  const groups = createGroupStore(db);
  const ports = {
    ...{ queries: createPageQueries(db), sight: createSightStore(db), mainBranch: 'main' },
    ...{ askPromotion: ask, logs, events },
    // No run here was held, or is.
    releases: { describeTrust: () => Promise.resolve(null) },
  };
  const runs = keepRuns({ db, bell: quiet, newId, events });
  const routes = [...pageRoutes(ports), ...apiRoutes(ports), ...runLifeRoutes(runs)];
  web = await startTestWeb(database, heedOwners(routes, groups));
  await built(['compiling']);
  await groups.set(repository.name, { own: ['shop-owners'], launch: ['shop-people'] }, 'pat');
});

after(async () => {
  await web.close();
  await logs.files.end();
  await database.close();
  await rm(directory, { recursive: true });
});

const dana = { id: 'dana', idp: 'https://idp.example', name: 'Dana' };

function ask(wish: {
  readonly candidateId: string;
  readonly target: string;
  readonly reason: string;
  readonly requester: typeof dana;
}): Promise<AskAnswer> {
  const requests = createPromotionRequestStore(database.as('nonprod_web'));
  return createAskPromotion({ requests, bell: quiet, events, newId })(wish);
}

const askFor = (candidateId: string): Promise<AskAnswer> =>
  ask({ candidateId, target: 'prod', reason: 'VAT per line', requester: dana });

/** A run of main whose first step said these lines, ended by its runner's report. */
async function built(
  lines: readonly string[],
  change: Partial<JobReport> & { readonly pool?: string; readonly person?: RunPerson } = {},
): Promise<{ runId: string; jobId: string; lease: number }> {
  const { pool = 'default', person = null, ...more } = change;
  const run = await startRun(database, { pool, person });
  const jobs = createJobStore(database.as('nonprod_web'));
  const claimed = await jobs.claim({ runner: 'r1', pool, leaseSeconds: 60 });
  assert.equal(claimed?.runId, run.id);
  const { jobId, lease } = claimed;
  const proof = { jobId, lease, runner: 'r1' };
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  await logs.files.append({ jobId, lease, step: 'build' }, { offset: 0, bytes, isEnd: true });
  await jobs.recordArtifact(proof, artifact);
  const lookAtJob = keepLooks({ db: database.as('nonprod_web'), logs: logs.reader, events });
  const report = createReportJob({
    ...{ jobs, events, logs, lookAtJob },
    ...{ bell: quiet, work: quiet },
  });
  assert.equal(await report(proof, { ...passedReport(lease), ...more }), 'recorded');
  return { runId: run.id, jobId, lease };
}

async function candidateOf(runId: string): Promise<string> {
  const id = newId('cand');
  await createCandidateStore(database.as('nonprod_scheduler')).record({
    ...{ id, runId, builder: 'main', version: null, day: '2026.11.22', artifact },
    ...{ targets: ['prod'], provenance: envelope('provenance'), testResult: envelope('test') },
    provenancePayloadDigest: randomBytes(32).toString('hex'),
  });
  return id;
}

const seen = (runId: string) => createReviewStore(database.as('nonprod_web')).of(runId);
const miner = ['compiling', 'pool: stratum+tcp://pool.example:3333', 'done'];
const reason = { reason: 'a test of the mining library, read line by line' };

test('a run whose bait was seen is not asked for, and its event names it', async () => {
  const { runId } = await built(['compiling'], {
    baitSeen: [{ bait: 'registry-key', where: 'request', name: 'paste.example:443' }],
  });
  const { flags } = await seen(runId);
  assert.deepEqual(
    flags.map(({ kind, rule }) => [kind, rule]),
    [['suspicious', 'bait']],
  );
  const refused = await askFor(await candidateOf(runId));
  assert.ok(refused.kind === 'refused');
  assert.match(JSON.stringify(refused.reasons), /suspicious \(bait\)/);
  const event = told.find(
    ({ event: name, ...fields }) => name === 'job.suspicious' && fields['airlock.run.id'] === runId,
  );
  assert.equal(event?.['airlock.rule'], 'bait');
  assert.match(String(event['message']), /registry-key.*paste\.example:443/);
});

test('a run that looks like a miner is not asked for until an owner who did not start it has looked and said so', async () => {
  const { runId, jobId } = await built(miner, { person: { id: 'olga', by: 'asked' } });
  const candidateId = await candidateOf(runId);
  const refused = await askFor(candidateId);
  assert.ok(refused.kind === 'refused');
  assert.deepEqual(
    refused.reasons.map(({ code }) => code),
    ['suspicious-not-reviewed'],
  );
  assert.ok(
    told.some(
      ({ event, ...fields }) => event === 'job.suspicious' && fields['airlock.run.id'] === runId,
    ),
  );

  const post = (browser: Browser) => browser.post(`/runs/${runId}/review`, reason);
  const starter = await web.signedIn('olga', ['developers', 'shop-owners']);
  const author = await web.signedIn('dana@example.com', ['developers', 'shop-owners']);
  const launcher = await web.signedIn('lars', ['developers', 'shop-people']);
  assert.equal((await post(starter)).status, 409);
  assert.equal((await post(author)).status, 409);
  assert.equal((await post(launcher)).status, 403);
  assert.equal((await askFor(candidateId)).kind, 'refused');

  const owner = await web.signedIn('otto', ['developers', 'shop-owners']);
  const page = await owner.get(`/runs/${runId}`);
  assert.match(page.text, /This build looks suspicious/);
  assert.ok(page.text.includes(`?job=${jobId}&amp;step=build&amp;from=2#L2"`), page.text);
  assert.equal((await owner.post(`/runs/${runId}/review`, { reason: ' ' })).status, 400);
  assert.equal((await post(owner)).status, 303);
  assert.equal((await post(owner)).status, 409);
  assert.ok(
    told.some(({ event, ...fields }) => event === 'run.reviewed' && fields['user.id'] === 'otto'),
  );
  assert.match((await owner.get(`/runs/${runId}`)).text, /otto looked at it/);
  assert.equal((await askFor(candidateId)).kind, 'asked');
});

test('a run whose step the sandbox ended for a system call is not asked for, though its failure was ignored', async () => {
  const [build, checked] = passedReport(1).steps;
  assert.ok(build !== undefined && checked !== undefined);
  const steps = [build, { ...checked, outcome: 'failed' as const, exitCode: 159 }];
  const { runId } = await built(['compiling'], { steps });
  assert.deepEqual(
    (await seen(runId)).flags.map(({ kind, rule }) => [kind, rule]),
    [['suspicious', 'refused-call']],
  );
  assert.equal((await askFor(await candidateOf(runId))).kind, 'refused');
});

test('what was seen of a run stands on the list and in JSON, with its rule and its lines', async () => {
  const { runId, jobId } = await built(miner);
  const { runId: plain } = await built(['compiling']);
  const owner = await web.signedIn('otto', ['developers', 'shop-owners']);
  assert.match((await owner.get('/')).text, />suspicious</);
  const json = JSON.parse((await owner.get(`/api/v1/runs/${runId}`)).text) as Record<
    string,
    unknown
  >;
  assert.equal(json['mark'], 'suspicious');
  assert.equal(json['review'], null);
  assert.deepEqual(json['flags'], [
    {
      ...{ kind: 'suspicious', rule: 'miner', job: jobId, workflow: 'woodpecker' },
      text: 'Step build speaks as a miner of coins does: line 2 of its log.',
      lines: { step: 'build', from: 2, to: 2 },
    },
  ]);
  assert.deepEqual((await seen(plain)).flags, []);
  assert.equal((await owner.post(`/runs/${plain}/review`, reason)).status, 409);
});

test('a flag and a review are taken back by no process of nonprod', async () => {
  const { runId } = await built(miner);
  for (const role of ['nonprod_web', 'nonprod_scheduler', 'nonprod_outbox'] as const) {
    const db = database.as(role);
    await assert.rejects(
      db.$executeRaw`update job_look set suspicious = false`,
      /permission denied/,
    );
    await assert.rejects(db.$executeRaw`delete from job_look`, /permission denied/);
    await assert.rejects(db.$executeRaw`delete from run_review`, /permission denied/);
    await assert.rejects(
      db.$executeRaw`update run_review set reason = 'x y z'`,
      /permission denied/,
    );
  }
  assert.equal((await seen(runId)).flags.length, 1);
});

test('a log that cannot be looked at is suspicious, and the job ends all the same', async () => {
  const lookAtJob = keepLooks({
    db: database.as('nonprod_web'),
    logs: { ...logs.reader, list: () => Promise.reject(new Error('the disk is gone')) },
    events,
  });
  const run = await startRun(database);
  const jobs = createJobStore(database.as('nonprod_web'));
  const claimed = await jobs.claim({ runner: 'r1', pool: 'default', leaseSeconds: 60 });
  assert.equal(claimed?.runId, run.id);
  const proof = { jobId: claimed.jobId, lease: claimed.lease, runner: 'r1' };
  await jobs.recordArtifact(proof, artifact);
  const report = createReportJob({
    ...{ jobs, events, logs, lookAtJob },
    ...{ bell: quiet, work: quiet },
  });
  assert.equal(await report(proof, passedReport(claimed.lease)), 'recorded');
  const { flags } = await seen(run.id);
  assert.deepEqual(
    flags.map(({ kind, rule }) => [kind, rule]),
    [['suspicious', 'not-looked-at']],
  );
});

test('of a log beyond the bound the first and the last lines are looked at, and the run says so', async () => {
  const padding = Array.from({ length: mostLines + 500 }, () => '.');
  const { runId } = await built([...padding, ...miner]);
  const { flags } = await seen(runId);
  assert.deepEqual(
    flags.map(({ rule }) => rule),
    ['miner', 'long-log'],
  );
  assert.match(flags[1]?.text ?? '', /Of 40503 lines of its logs 40000 were looked at/);
});

test('what is usual is learned from the jobs before of the same pool, and an anomaly informs and bars nothing', async () => {
  const to = (host: string) => ({
    egress: {
      ...{ allowed: 1, refused: 0, bytesIn: 1, bytesOut: 1 },
      hosts: [{ host, allowed: 1, refused: 0 }],
    },
  });
  for (let n = 0; n < 20; n += 1) await built(['.'], { pool: 'main', ...to('npm.example') });
  // A stranger's pool has no job before.
  const { runId: stranger } = await built(['.'], { pool: 'strangers', ...to('files.example') });
  assert.deepEqual((await seen(stranger)).flags, []);
  const { runId: usual } = await built(['.'], { pool: 'main', ...to('npm.example') });
  assert.deepEqual((await seen(usual)).flags, []);
  const { runId } = await built(['.'], { pool: 'main', ...to('files.example') });
  assert.deepEqual(
    (await seen(runId)).flags.map(({ kind, rule }) => [kind, rule]),
    [['unusual', 'new-host']],
  );
  assert.equal((await askFor(await candidateOf(runId))).kind, 'asked');
});
