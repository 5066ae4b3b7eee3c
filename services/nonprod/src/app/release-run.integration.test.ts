/** Strangers' pull requests from push to job, with real git and the two processes' own database roles. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createMirror } from '@airlock/git/mirror';
import { createLog } from '@airlock/process/log';
import { testPostgres } from '@airlock/testkit/stack';
import { createSourceMirror, nonprodRefspecs } from '../adapters/git/source-mirror.ts';
import { createRunRequestQueue } from '../adapters/postgres/run-request-queue.ts';
import { createHeadStore } from '../adapters/postgres/head-store.ts';
import { createEvents } from '../events.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { newId } from '../testing/fixtures.ts';
import { QuotaSettings } from '../quota-config.ts';
import { keepTrust, makeRuns } from '../trust-keeping.ts';
import { createPollRepository } from './poll-repository.ts';

const silent = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;
const pipeline = (command: string): string =>
  `steps:\n  - { name: test, image: any, commands: [${command}] }\n`;
const leo = { id: 'leo@example.com', name: 'Leo' };

let directory: string;
let database: TestDatabase;
before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-release-'));
  database = await testDatabase(await testPostgres());
});
after(async () => {
  await database.close();
  rmSync(directory, { recursive: true });
});

/** A repository with a main branch whose pull requests wait. */
async function world(name: string, quotas: Partial<QuotaSettings> = {}) {
  const [origin, work] = [join(directory, `${name}.git`), join(directory, `${name}-work`)];
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', work, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {
        PATH: process.env['PATH'],
        ...{ HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
        ...{ GIT_AUTHOR_NAME: 'Dana', GIT_AUTHOR_EMAIL: 'dana@example.com' },
        ...{ GIT_COMMITTER_NAME: 'Dana', GIT_COMMITTER_EMAIL: 'dana@example.com' },
      },
    }).trim();
  mkdirSync(work);
  git('init', '--quiet', '--bare', origin);
  git('init', '--quiet', '--initial-branch=main');
  const push = (ref: string, files: Record<string, string>): string => {
    for (const [path, content] of Object.entries(files)) writeFileSync(join(work, path), content);
    git('add', '--all');
    git('commit', '--quiet', '--allow-empty', '-m', ref);
    git('push', '--quiet', '--force', origin, `HEAD:${ref}`);
    return git('rev-parse', 'HEAD');
  };
  const main = push('refs/heads/main', { '.woodpecker.yaml': pipeline('make test') });
  const mirror = createSourceMirror(
    createMirror({
      directory: join(directory, `${name}-mirror.git`),
      url: origin,
      protocols: ['file'],
      refspecs: nonprodRefspecs,
    }),
  );
  const events = createEvents(silent);
  const bell = { ring: () => undefined };
  const db = database.as('nonprod_scheduler');
  const heads = createHeadStore(db);
  await heads.ensureRepository({ name, url: origin });
  const making = await makeRuns(
    { db, mirrors: { of: () => mirror }, jobs: bell, events, newId },
    {
      ...{ pullRequests: 'hold', maxArtifactBytes: 1_000_000 },
      quotas: QuotaSettings.parse(quotas),
      ...{ pools: { main: `${name}-main`, other: `${name}-other` } },
      repository: { name },
    },
  );
  const poll = createPollRepository(
    {
      ...{ mirror, heads, jobs: bell, events, prepareRun: making.prepareRun },
      requests: createRunRequestQueue(db),
    },
    {
      repository: { name, url: origin, mainBranch: 'main', protectedRefs: [], branches: [] },
      firstSight: 'main',
    },
  );
  await poll();
  const { releases, budgets } = keepTrust({
    db: database.as('nonprod_web'),
    mirrors: { of: () => mirror },
    bell,
    events,
  });
  const run = async (commit: string) => {
    const row = await database.as('owner').run.findFirstOrThrow({
      where: { repository: name, commit, event: 'pull_request' },
      include: { jobs: { include: { steps: true } }, trust: true },
    });
    return row;
  };
  return { push, git, main, poll, run, ...making, ...releases, ...budgets };
}

const commands = (plan: unknown): string => JSON.stringify(plan);

test('a stranger’s pull request waits, and released it runs the base branch’s files with trust 0', async () => {
  const { push, poll, run, main, releaseRun, applyReleases } = await world('base');
  const commit = push('refs/pull/7/head', { '.woodpecker.yaml': pipeline('curl evil') });
  await poll();
  const held = await run(commit);
  assert.equal(held.state, 'held');
  assert.deepEqual(held.jobs, []);
  const answer = await releaseRun({
    ...{ runId: held.id, commit, files: 'base', filesDigest: null, person: leo },
  });
  assert.deepEqual(answer, { kind: 'released' });
  await applyReleases();
  const released = await run(commit);
  assert.equal(released.state, 'queued');
  assert.equal(released.jobs[0]?.pool, 'base-other');
  assert.match(commands(released.plan), /make test/);
  assert.doesNotMatch(commands(released.plan), /evil/);
  assert.equal(released.trust?.level, 0);
  assert.deepEqual([released.trust.files, released.trust.filesCommit], ['base', main]);
  // Once is enough, and whoever clicks again is told.
  const again = await releaseRun({
    ...{ runId: held.id, commit, files: 'base', filesDigest: null, person: leo },
  });
  assert.equal(again.kind === 'refused' && again.reasons[0]?.code, 'not-held');
});

test('its own files run only for who names the difference that was looked at, and with trust 0 all the same', async () => {
  const { push, poll, run, releaseRun, describeTrust, applyReleases } = await world('own');
  const commit = push('refs/pull/7/head', { '.woodpecker.yaml': pipeline('make all') });
  await poll();
  const { id } = await run(commit);
  const wish = { runId: id, commit, files: 'own', person: leo } as const;
  const blind = await releaseRun({ ...wish, filesDigest: null });
  assert.equal(blind.kind === 'refused' && blind.reasons[0]?.code, 'files-changed');
  const seen = await describeTrust(id);
  assert.equal(seen?.held?.isSame, false);
  const { digest } = seen.held;
  assert.deepEqual(await releaseRun({ ...wish, filesDigest: digest }), { kind: 'released' });
  await applyReleases();
  const released = await run(commit);
  assert.match(commands(released.plan), /make all/);
  assert.deepEqual([released.trust?.level, released.trust?.files], [0, 'own']);
});

test('a push between look and click is refused, and the older run waits no more', async () => {
  const { push, poll, run, releaseRun } = await world('moved');
  const first = push('refs/pull/7/head', { 'a.txt': '1' });
  await poll();
  const { id } = await run(first);
  const second = push('refs/pull/7/head', { 'a.txt': '2' });
  await poll();
  const answer = await releaseRun({
    ...{ runId: id, commit: first, files: 'base', filesDigest: null, person: leo },
  });
  assert.deepEqual(answer.kind === 'refused' && answer.reasons.map(({ code }) => code), [
    'not-held',
    'head-moved',
  ]);
  const swapped = await releaseRun({
    ...{ runId: (await run(second)).id, commit: first, files: 'base', filesDigest: null },
    person: leo,
  });
  assert.equal(swapped.kind === 'refused' && swapped.reasons[0]?.code, 'commit-differs');
  assert.equal((await run(first)).state, 'cancelled');
  assert.equal((await run(second)).state, 'held');
});

test('a push that comes after the click and before the jobs are made starts nothing of the old commit', async () => {
  const { push, poll, run, releaseRun, applyReleases } = await world('late');
  const commit = push('refs/pull/7/head', { 'a.txt': '1' });
  await poll();
  const { id } = await run(commit);
  const wish = { runId: id, commit, files: 'base', filesDigest: null, person: leo } as const;
  assert.deepEqual(await releaseRun(wish), { kind: 'released' });
  push('refs/pull/7/head', { 'a.txt': '2' });
  await poll();
  await applyReleases();
  const old = await run(commit);
  assert.deepEqual([old.state, old.jobs], ['cancelled', []]);
});

test('base files that change between click and start are looked at again', async () => {
  const { push, git, poll, run, releaseRun, applyReleases } = await world('rebase');
  const commit = push('refs/pull/7/head', { 'a.txt': '1' });
  await poll();
  const { id } = await run(commit);
  const wish = { runId: id, commit, files: 'base', filesDigest: null, person: leo } as const;
  await releaseRun(wish);
  git('checkout', '--quiet', '-B', 'main', 'HEAD~1');
  push('refs/heads/main', { '.woodpecker.yaml': pipeline('make more') });
  await poll();
  await applyReleases();
  const waiting = await run(commit);
  assert.equal(waiting.state, 'held');
  assert.match(waiting.reason ?? '', /files changed while Leo released it/);
  assert.deepEqual(await releaseRun(wish), { kind: 'released' });
  await applyReleases();
  assert.match(commands((await run(commit)).plan), /make more/);
});

test('the pull request’s author cannot release it', async () => {
  const { push, poll, run, releaseRun } = await world('author');
  const commit = push('refs/pull/7/head', { 'a.txt': '1' });
  await poll();
  const { id } = await run(commit);
  const dana = { id: 'dana@example.com', name: 'Dana' };
  const answer = await releaseRun({
    ...{ runId: id, commit, files: 'base', filesDigest: null, person: dana },
  });
  assert.equal(answer.kind === 'refused' && answer.reasons[0]?.code, 'own-pull-request');
});

test('a pull request that names the trusted pool is refused by that name when it is released', async () => {
  const { push, poll, run, releaseRun, describeTrust, applyReleases } = await world('escape');
  const labelled = `labels:\n  pool: escape-main\n${pipeline('true')}`;
  const commit = push('refs/pull/7/head', { '.woodpecker.yaml': labelled });
  await poll();
  const { id } = await run(commit);
  const filesDigest = (await describeTrust(id))?.held?.digest ?? null;
  await releaseRun({ runId: id, commit, files: 'own', filesDigest, person: leo });
  await applyReleases();
  const refused = await run(commit);
  assert.deepEqual([refused.state, refused.jobs], ['failed', []]);
  assert.match(refused.reason ?? '', /the pool escape-main takes trust 3/);
});

test('beyond its budget of a day a repository’s runs fail with the sentence, and count again when it is raised', async () => {
  const { push, poll, run, budgets } = await world('storm');
  const budget = { buildsADay: 0, minutesADay: 10 };
  assert.equal(await budgets.set('storm', 'pull_request', budget, 'pat'), true);
  assert.equal(await budgets.set('nowhere', 'push', budget, 'pat'), false);
  const refused = push('refs/pull/7/head', { 'a.txt': '1' });
  await poll();
  assert.equal((await run(refused)).state, 'failed');
  assert.match(
    (await run(refused)).reason ?? '',
    /0 builds of storm by pull_request.*0 are allowed/,
  );
  await budgets.set('storm', 'pull_request', { ...budget, buildsADay: 5 }, 'pat');
  const taken = push('refs/pull/7/head', { 'a.txt': '2' });
  await poll();
  assert.equal((await run(taken)).state, 'held');
  assert.equal((await budgets.today('storm', 'push')).usage.builds, 1);
});

test('released runs beyond those at once wait in words, and begin when one has ended; a full line refuses in words', async () => {
  const quotas = { repositories: { room: { runsAtOnce: 2, queuedRuns: 3 } } };
  const { push, poll, run, releaseRun, applyReleases, admitRuns } = await world('room', quotas);
  const commits = [7, 8].map((number) =>
    push(`refs/pull/${number}/head`, { 'a.txt': String(number) }),
  );
  await poll();
  const [first = '', second = ''] = commits;
  for (const commit of commits) {
    const { id } = await run(commit);
    await releaseRun({ runId: id, commit, files: 'base', filesDigest: null, person: leo });
  }
  await applyReleases();
  assert.notEqual((await run(first)).admittedAt, null);
  const waits = await run(second);
  assert.deepEqual([waits.state, waits.jobs.map(({ state }) => state)], ['queued', ['waiting']]);
  assert.match(waits.reason ?? '', /^Waits: 2 runs of room are built or in line/);
  // Main's run, the first and the one that waits are the three that may.
  const third = push('refs/pull/9/head', { 'a.txt': '9' });
  await poll();
  const refused = await run(third);
  assert.equal(refused.state, 'failed');
  assert.match(refused.reason ?? '', /^Not built: 3 runs of room wait already, and 3 may\./);
  await database.as('owner').run.updateMany({
    where: { repository: 'room', event: 'push' },
    data: { state: 'passed' },
  });
  await admitRuns();
  const begun = await run(second);
  assert.deepEqual([begun.reason, begun.jobs.map(({ state }) => state)], [null, ['queued']]);
});

test('a repository that stores more than it may builds no more until there is room', async () => {
  const { push, poll, run } = await world('store', { storedMiB: 1 });
  const { id } = await database
    .as('owner')
    .run.findFirstOrThrow({ where: { repository: 'store' } });
  const keep = (size: number) =>
    database.as('owner').job.updateMany({ where: { runId: id }, data: { logBytes: size } });
  await keep(1024 ** 2);
  const refused = push('refs/pull/7/head', { 'a.txt': '1' });
  await poll();
  assert.match(
    (await run(refused)).reason ?? '',
    /store stores 1\.0 MiB, and 1\.0 MiB are allowed/,
  );
  await keep(1024 ** 2 - 1);
  const taken = push('refs/pull/7/head', { 'a.txt': '2' });
  await poll();
  assert.equal((await run(taken)).state, 'held');
});
