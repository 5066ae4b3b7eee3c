import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { createMirror } from '@airlock/git/mirror';
import { createLog } from '@airlock/process/log';
import { RunPlan } from '@airlock/common/wire/run-plan';
import { inTransaction } from '@airlock/database/sql';
import { testPostgres } from '@airlock/testkit/stack';
import { createSourceMirror, nonprodRefspecs } from '../adapters/git/source-mirror.ts';
import { createHeadStore } from '../adapters/postgres/head-store.ts';
import {
  createRunRequestQueue,
  createRunRequests,
} from '../adapters/postgres/run-request-queue.ts';
import { createPageQueries } from '../adapters/postgres/page-queries.ts';
import { advanceRun } from '../adapters/postgres/run-progress.ts';
import { createEvents } from '../events.ts';
import { keepRuns } from '../run-keeping.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { newId } from '../testing/fixtures.ts';
import { createVariableStore } from '../adapters/postgres/variable-store.ts';
import { QuotaSettings } from '../quota-config.ts';
import { makeRuns } from '../trust-keeping.ts';
import { createPollRepository } from './poll-repository.ts';
import type { RunRequest } from './source-ports.ts';

const silent = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;
const pipeline = 'steps:\n  - { name: test, image: any, commands: [make test] }\n';

let directory: string;
let database: TestDatabase;
before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-poll-'));
  database = await testDatabase(await testPostgres());
});
after(async () => {
  await database.close();
  rmSync(directory, { recursive: true });
});

/** A repository with a main branch, and a poll of it under a name of its own. */
function world(
  name: string,
  change: { firstSight?: 'main' | 'all'; pullRequests?: 'run' | 'hold' } = {},
) {
  const origin = join(directory, `${name}.git`);
  const work = join(directory, `${name}-work`);
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', work, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {
        PATH: process.env['PATH'],
        HOME: '/nonexistent',
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_CONFIG_GLOBAL: '/dev/null',
        GIT_AUTHOR_NAME: 'Dana',
        GIT_AUTHOR_EMAIL: 'dana@example.com',
        GIT_COMMITTER_NAME: 'Dana',
        GIT_COMMITTER_EMAIL: 'dana@example.com',
      },
    }).trim();
  mkdirSync(work);
  git('init', '--quiet', '--bare', origin);
  git('init', '--quiet', '--initial-branch=main');
  const push = (ref: string, message: string, files: Record<string, string>): string => {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(work, path)), { recursive: true });
      writeFileSync(join(work, path), content);
    }
    git('add', '--all');
    git('commit', '--quiet', '--allow-empty', '-m', message);
    git('push', '--quiet', '--force', origin, `HEAD:${ref}`);
    return git('rev-parse', 'HEAD');
  };
  const mirror = createSourceMirror(
    createMirror({
      directory: join(directory, `${name}-mirror.git`),
      url: origin,
      protocols: ['file'],
      refspecs: nonprodRefspecs,
    }),
  );
  const heads = createHeadStore(database.as('nonprod_scheduler'));
  const rung: string[] = [];
  const jobs = { ring: (id: string) => rung.push(id) };
  const events = createEvents(silent);
  const poll = async (): Promise<void> => {
    await heads.ensureRepository({ name, url: origin });
    const { prepareRun } = await makeRuns(
      { db: database.as('nonprod_scheduler'), mirrors: { of: () => mirror }, jobs, events, newId },
      {
        pullRequests: 'run',
        maxArtifactBytes: 1_000_000,
        quotas: QuotaSettings.parse({}),
        pools: { main: `${name}-trusted`, other: 'default' },
        repository: { name },
        ...change,
      },
    );
    await createPollRepository(
      {
        mirror,
        heads,
        jobs,
        events,
        requests: createRunRequestQueue(database.as('nonprod_scheduler')),
        prepareRun,
      },
      {
        repository: { name, url: origin, mainBranch: 'main', protectedRefs: [], branches: [] },
        firstSight: change.firstSight ?? 'main',
      },
    )();
  };
  /** Runs of this repository, oldest first. */
  const runs = async () => {
    const rows = await database.as('owner').run.findMany({
      where: { repository: name },
      orderBy: { number: 'asc' },
      include: { jobs: true },
    });
    return rows;
  };
  const ask = async (request: Partial<RunRequest>): Promise<string> => {
    const id = newId('run');
    await createRunRequests(database.as('nonprod_web')).ask({
      ...{ id, repository: name, event: 'manual', ref: 'refs/heads/main', commit: null },
      ...{ pullRequest: null, deployTo: null, cron: null, variables: {}, askedBy: null },
      ...{ retryOf: null, onlyFailed: false },
      ...request,
    });
    return id;
  };
  const outcome = (id: string) => createRunRequests(database.as('nonprod_web')).outcome(id);
  return { git, push, poll, runs, rung, ask, outcome };
}

test('a run has what the compiler warned of its files, with the place', async () => {
  const { push, poll, runs } = world('warned');
  const step =
    '{ name: test, image: any, commands: [echo $T], environment: { T: { from_secret: t } } }';
  push('refs/heads/main', 'first', { '.woodpecker.yaml': `steps:\n  - ${step}\n` });
  await poll();
  const [run] = await runs();
  assert.match(
    run?.warnings.join() ?? '',
    /^\.woodpecker\.yaml:2:\d+: steps\.0\.commands\.0: .*prints the secret in T;/,
  );
});

test('every head that moves gets one run, planned from its own files, in the pool of its trust', async () => {
  const { push, poll, runs, rung } = world('moves');
  const first = push('refs/heads/main', 'first', { '.woodpecker.yaml': pipeline });
  await poll();
  const second = push('refs/heads/main', 'VAT per line', { 'a.txt': 'a' });
  const change = push('refs/pull/7/head', 'a change', { 'b.txt': 'b' });
  push('refs/pull/7/merge', 'a merge nobody asked to build', {});
  const tag = push('refs/tags/v1', 'a tag', {});
  await poll();
  await poll();
  const found = await runs();
  assert.deepEqual(
    found.map((run) => [run.commit, run.event, run.tag ?? run.pullRequest, run.jobs[0]?.pool]),
    [
      [first, 'push', null, 'moves-trusted'],
      [tag, 'tag', 'v1', 'default'],
      [change, 'pull_request', 7, 'default'],
      [second, 'push', null, 'moves-trusted'],
    ],
  );
  assert.equal(found[3]?.subject, 'VAT per line');
  assert.equal(rung.length, 4);
});

test('tags that were there before are not built, later ones are, one as the first as well', async () => {
  const { push, poll, runs } = world('tags', { firstSight: 'all' });
  push('refs/heads/main', 'main', { '.woodpecker.yaml': pipeline });
  push('refs/tags/old', 'old', {});
  await poll();
  const tag = push('refs/tags/release/1.0', 'new', {});
  await poll();
  await poll();
  assert.deepEqual(
    (await runs()).map((run) => [run.event, run.tag]),
    [
      ['push', null],
      ['tag', 'release/1.0'],
    ],
  );
  assert.equal((await runs())[1]?.commit, tag);
});

test('what somebody asks for is run once, under the id that they were given, with what they answered', async () => {
  const { push, poll, runs, ask, outcome } = world('asked');
  const main = push('refs/heads/main', 'main', { '.woodpecker.yaml': pipeline });
  await poll();
  const id = await ask({ variables: { NOTE: '$(id)' }, askedBy: 'dana@demo.example' });
  const timed = await ask({ event: 'cron', cron: 'nightly' });
  const deploy = await ask({ event: 'deployment', deployTo: 'staging', commit: main });
  await poll();
  await poll();
  const found = (await runs()).slice(1);
  assert.deepEqual(
    found.map((run) => [run.id, run.event, run.commit, run.cron, run.deployTo, run.variables]),
    [
      [id, 'manual', main, null, null, { NOTE: '$(id)' }],
      [timed, 'cron', main, 'nightly', null, {}],
      [deploy, 'deployment', main, null, 'staging', {}],
    ],
  );
  assert.equal((await outcome(id))?.state, 'started');
});

test('runs are given the variables that are set, and a push to main of the signed repository none', async () => {
  const { push, poll, runs, ask } = world('given');
  push('refs/heads/main', 'first', { '.woodpecker.yaml': pipeline });
  await poll();
  const variables = createVariableStore(database.as('nonprod_web'));
  const change = { person: 'dana@demo.example', override: null };
  await variables.set({ ...change, scope: '*', name: 'REGION', value: 'eu' }, 10);
  await variables.set({ ...change, scope: 'given', name: 'LEVEL', value: '2' }, 10);
  push('refs/heads/main', 'second', { 'a.txt': 'a' });
  push('refs/pull/7/head', 'a change', { 'b.txt': 'b' });
  await poll();
  await ask({ variables: { LEVEL: '3' } });
  await poll();
  assert.deepEqual(
    (await runs()).map((run) => [run.event, run.subject, run.variables]),
    [
      ['push', 'first', {}],
      ['pull_request', 'a change', { REGION: 'eu', LEVEL: '2' }],
      ['push', 'second', {}],
      ['manual', 'second', { REGION: 'eu', LEVEL: '3' }],
    ],
  );
  await variables.remove({ scope: '*', name: 'REGION' }, change.person);
});

test('what git does not have is refused in words, and a commit that its ref has left is too', async () => {
  const { push, poll, runs, ask, outcome } = world('refused');
  const old = push('refs/heads/main', 'main', { '.woodpecker.yaml': pipeline });
  await poll();
  push('refs/heads/main', 'next', { 'a.txt': 'a' });
  const nowhere = await ask({ ref: 'refs/heads/nowhere' });
  const left = await ask({ event: 'deployment', deployTo: 'prod', commit: old });
  const option = await ask({ ref: '--upload-pack=id' });
  await poll();
  assert.equal((await runs()).length, 2);
  assert.equal((await outcome(nowhere))?.reason, 'the repository has no refs/heads/nowhere');
  assert.match((await outcome(left))?.reason ?? '', /no longer at .*, which was asked for$/);
  assert.equal((await outcome(option))?.reason, 'the repository has no --upload-pack=id');
});

test('a merge request and a pull request of a Bitbucket server are pull requests as on GitHub', async () => {
  const { push, poll, runs } = world('names');
  push('refs/heads/main', 'main', { '.woodpecker.yaml': pipeline });
  await poll();
  push('refs/merge-requests/3/head', 'of GitLab', { 'b.txt': 'b' });
  push('refs/pull-requests/4/from', 'of Bitbucket', { 'c.txt': 'c' });
  await poll();
  assert.deepEqual(new Set((await runs()).map((run) => run.pullRequest)), new Set([null, 3, 4]));
});

test('at first sight main alone is built, and the others from their next push on', async () => {
  const { push, poll, runs } = world('first');
  push('refs/heads/main', 'main', { '.woodpecker.yaml': pipeline });
  push('refs/heads/old', 'old', {});
  await poll();
  assert.deepEqual(
    (await runs()).map((run) => run.ref),
    ['refs/heads/main'],
  );
  push('refs/heads/old', 'new again', {});
  await poll();
  assert.deepEqual(
    (await runs()).map((run) => run.ref),
    ['refs/heads/main', 'refs/heads/old'],
  );
});

test('files that cannot be followed make a failed run that says where, and other heads go on', async () => {
  const { push, poll, runs } = world('broken', { firstSight: 'all' });
  push('refs/heads/main', 'main', { '.woodpecker.yaml': pipeline });
  push('refs/heads/typo', 'typo', {
    '.woodpecker.yaml': 'steps:\n  - image: a\n    comands: [b]\n',
  });
  push('refs/heads/huge', 'huge', { '.woodpecker.yaml': '#'.repeat(17 * 1024 * 1024) });
  await poll();
  const found = await runs();
  const byRef = new Map(found.map((run) => [run.ref, run]));
  assert.equal(byRef.get('refs/heads/main')?.state, 'queued');
  assert.equal(byRef.get('refs/heads/typo')?.state, 'failed');
  assert.match(byRef.get('refs/heads/typo')?.reason ?? '', /^\.woodpecker\.yaml:3:5: .*comands/);
  assert.match(byRef.get('refs/heads/huge')?.reason ?? '', /at most 65536 are read/);
  assert.deepEqual(byRef.get('refs/heads/typo')?.jobs, []);
});

test('a branch rewritten by force is built anew, and a commit without pipeline is not', async () => {
  const { git, push, poll, runs } = world('force');
  push('refs/heads/main', 'main', { '.woodpecker.yaml': pipeline });
  push('refs/heads/topic', 'one', { 'x.txt': '1' });
  await poll();
  git('reset', '--quiet', '--hard', 'HEAD~1');
  const again = push('refs/heads/topic', 'another', { 'x.txt': '2' });
  await poll();
  git('rm', '--quiet', '.woodpecker.yaml');
  push('refs/heads/topic', 'no pipeline', {});
  await poll();
  const topic = (await runs()).filter((run) => run.ref === 'refs/heads/topic');
  assert.deepEqual(
    topic.map((run) => run.commit),
    [again],
  );
});

test('pull requests of strangers wait for a member where the configuration says so; branches do not', async () => {
  const { push, poll, runs } = world('hold', { pullRequests: 'hold', firstSight: 'all' });
  push('refs/heads/main', 'main', { '.woodpecker.yaml': pipeline });
  push('refs/pull/12/head', 'from outside', {});
  await poll();
  const found = new Map((await runs()).map((run) => [run.ref, run]));
  assert.equal(found.get('refs/heads/main')?.state, 'queued');
  const held = found.get('refs/pull/12/head');
  assert.equal(held?.state, 'held');
  assert.match(held.reason ?? '', /pull request #12 waits until a member releases it/);
  assert.deepEqual(held.jobs, []);
  const page = await createPageQueries(database.as('nonprod_web')).run(held.id);
  assert.deepEqual(
    page?.plan?.workflows.flatMap(({ steps }) => steps.map(({ name }) => name)),
    ['test'],
  );
});

test('what waits is cancelled by a new commit of its ref, and not by an event of the same commit', async () => {
  const { push, poll, runs, ask } = world('waits', { pullRequests: 'hold' });
  const events = 'when: { event: [push, pull_request, pull_request_metadata] }\n';
  push('refs/heads/main', 'main', { '.woodpecker.yaml': `${events}${pipeline}` });
  await poll();
  const first = push('refs/pull/3/head', 'one', {});
  await poll();
  const states = async () => (await runs()).filter(({ pullRequest }) => pullRequest === 3);
  assert.deepEqual(
    (await states()).map(({ state }) => state),
    ['held'],
  );
  await ask({
    ...{ event: 'pull_request_metadata', ref: 'refs/pull/3/head', commit: first, pullRequest: 3 },
  });
  await poll();
  const both = await states();
  assert.deepEqual(
    both.map(({ event, state }) => [event, state]),
    [
      ['pull_request', 'held'],
      ['pull_request_metadata', 'held'],
    ],
  );
  push('refs/pull/3/head', 'two', {});
  await poll();
  assert.deepEqual(
    (await states()).map(({ event, state }) => [event, state]),
    [
      ['pull_request', 'cancelled'],
      ['pull_request_metadata', 'cancelled'],
      ['pull_request', 'held'],
    ],
  );
});

test('conditions on paths and messages hold for what a push or a pull request changed, and paths on main always', async () => {
  const { push, poll, runs } = world('paths');
  const conditional = `steps:
  - { name: always, image: a, commands: ['true'] }
  - { name: manual, image: a, commands: ['true'], when: { path: 'docs/**' } }
  - { name: slow, image: a, commands: ['true'], when: { evaluate: 'CI_COMMIT_MESSAGE contains "[slow]"' } }
`;
  push('refs/heads/main', 'begin', { '.woodpecker.yaml': conditional, 'docs/a.md': '1' });
  await poll();
  push('refs/heads/topic', 'code [slow]', { 'src/a.ts': '1' });
  await poll();
  push('refs/heads/unseen', 'words', { 'docs/a.md': '2' });
  push('refs/heads/topic', 'more code, after words', { 'src/a.ts': '2' });
  push('refs/pull/3/head', 'tests', { 'test/a.ts': '1' });
  await poll();
  const found = await runs();
  const stepsOf = (run: (typeof found)[number]): string[] =>
    (RunPlan.nullable().parse(run.plan)?.workflows ?? []).flatMap(({ steps }) =>
      steps.map(({ name }) => name),
    );
  assert.deepEqual(
    found.map((run) => [run.ref, run.subject, stepsOf(run)]),
    [
      ['refs/heads/main', 'begin', ['always', 'manual']],
      ['refs/heads/topic', 'code [slow]', ['always', 'slow']],
      ['refs/heads/topic', 'more code, after words', ['always', 'manual']],
      ['refs/heads/unseen', 'words', ['always', 'manual']],
      ['refs/pull/3/head', 'tests', ['always', 'manual']],
    ],
  );
});

const whole = { onlyFailed: false };

test('a retry is of the same commit, ref and event, and its trust is decided anew', async () => {
  const { push, poll, runs } = world('retry', { pullRequests: 'hold', firstSight: 'all' });
  push('refs/heads/main', 'main', { '.woodpecker.yaml': pipeline });
  push('refs/pull/12/head', 'from outside', {});
  await poll();
  const web = database.as('nonprod_web');
  const { retryRun, cancelRun } = keepRuns({
    ...{ db: web, newId, bell: { ring: () => undefined }, events: createEvents(silent) },
  });
  const dana = { id: 'dana@example.com', name: 'Dana' };
  const before = await runs();
  for (const { id, ref } of before) {
    assert.equal((await retryRun(id, dana.id, whole)).kind, 'refused', `${ref} has not ended`);
    await cancelRun(id, dana);
  }
  // As if it had been trusted when it ran first; the database itself refuses to change what was decided.
  const owner = database.as('owner');
  await owner.runTrust.deleteMany({ where: { runId: { in: before.map(({ id }) => id) } } });
  await owner.runTrust.createMany({
    data: before.map(({ id: runId, commit: filesCommit }) => ({
      ...{ runId, level: 3, why: 'it was once', files: 'own', filesCommit, notes: [] },
    })),
  });
  for (const { id } of before) assert.equal((await retryRun(id, dana.id, whole)).kind, 'asked');
  await poll();
  const after = (await runs()).filter(({ retryOf }) => retryOf !== null);
  assert.equal(after.length, 2);
  for (const old of before) {
    const retry = after.find(({ retryOf }) => retryOf === old.id);
    assert.ok(retry !== undefined);
    const { ref, commit, event } = old;
    assert.deepEqual([retry.ref, retry.commit, retry.event], [ref, commit, event]);
    const trust = await web.runTrust.findUnique({ where: { runId: retry.id } });
    const isMain = ref === 'refs/heads/main';
    assert.deepEqual([retry.state, trust?.level], isMain ? ['queued', 3] : ['held', 0]);
    assert.notEqual(trust?.why, 'it was once');
  }
  const [main] = before.filter(({ ref }) => ref === 'refs/heads/main');
  push('refs/heads/main', 'newer', { 'x.txt': '1' });
  await poll();
  const moved = await retryRun(main?.id ?? '', dana.id, whole);
  assert.equal(moved.kind, 'refused');
});

test('a retry that keeps every job has passed, though no runner ever had it', async () => {
  const { push, poll, runs } = world('retry-none-left', { firstSight: 'all' });
  push('refs/heads/topic', 'topic', { '.woodpecker/lint.yaml': pipeline });
  await poll();
  const [before] = await runs();
  assert.ok(before);
  const owner = database.as('owner');
  const finishedAt = new Date();
  await owner.job.updateMany({
    where: { runId: before.id },
    data: { state: 'finished', outcome: 'passed', finishedAt },
  });
  // Somebody cancelled it while its last job came to its end.
  await owner.run.update({ where: { id: before.id }, data: { state: 'cancelled', finishedAt } });
  const { retryRun } = keepRuns({
    ...{ db: database.as('nonprod_web'), newId, bell: { ring: () => undefined } },
    events: createEvents(silent),
  });
  assert.equal((await retryRun(before.id, 'dana', { onlyFailed: true })).kind, 'asked');
  await poll();
  const retry = (await runs()).find(({ retryOf }) => retryOf === before.id);
  assert.deepEqual([retry?.state, retry?.jobs[0]?.keptFrom], ['passed', before.jobs[0]?.id]);
});

test('a retry of what did not pass keeps what passed while the plan is the same, never of main, and is never signed', async () => {
  const { push, poll, runs } = world('retry-failed', { firstSight: 'all' });
  const files = {
    '.woodpecker/lint.yaml': pipeline,
    '.woodpecker/test.yaml': `depends_on: [lint]\n${pipeline}`,
  };
  push('refs/heads/main', 'main', files);
  push('refs/heads/topic', 'topic', files);
  await poll();
  const owner = database.as('owner');
  const { retryRun } = keepRuns({
    ...{ db: database.as('nonprod_web'), newId, bell: { ring: () => undefined } },
    events: createEvents(silent),
  });
  /** Its attestation is there, as if it were of what is signed. */
  const end = async (id: string, outcomes: Readonly<Record<string, string>>): Promise<void> => {
    for (const [workflow, outcome] of Object.entries(outcomes)) {
      const data = { state: 'finished', outcome, finishedAt: new Date() };
      await owner.job.updateMany({ where: { runId: id, workflow, keptFrom: null }, data });
    }
    await owner.run.update({
      where: { id },
      data: { attestation: 'an envelope', state: 'running' },
    });
    await inTransaction(database.poolOf('nonprod_web'), (sql) => advanceRun(sql, id));
  };
  const before = await runs();
  for (const { id } of before) await end(id, { lint: 'passed', test: 'failed' });
  const [main, topic] = ['main', 'topic'].map((branch) =>
    before.find(({ ref }) => ref === `refs/heads/${branch}`),
  );
  assert.ok(main && topic);
  const ofMain = await retryRun(main.id, 'dana', { onlyFailed: true });
  assert.ok(ofMain.kind === 'refused' && /made whole/.test(ofMain.reason), JSON.stringify(ofMain));

  assert.equal((await retryRun(topic.id, 'dana', { onlyFailed: true })).kind, 'asked');
  await poll();
  const retry = (await runs()).find(({ retryOf }) => retryOf === topic.id);
  assert.ok(retry);
  const lint = topic.jobs.find(({ workflow }) => workflow === 'lint');
  const states = retry.jobs.map(({ workflow, state, outcome, keptFrom }) =>
    [workflow, state, outcome, keptFrom].join(),
  );
  assert.deepEqual(states.sort(), [`lint,finished,passed,${lint?.id}`, 'test,queued,,']);
  await end(retry.id, { test: 'failed' });

  assert.equal((await retryRun(retry.id, 'dana', { onlyFailed: true })).kind, 'asked');
  await poll();
  const second = (await runs()).find(({ retryOf }) => retryOf === retry.id);
  const keptTwice = second?.jobs.find(({ workflow }) => workflow === 'lint');
  assert.equal(keptTwice?.keptFrom, lint?.id);
  assert.equal(keptTwice?.reason, `Kept: it passed in run #${topic.number}.`, 'not the retry');
  await end(second?.id ?? '', { test: 'passed' });
  const ended = (await runs()).find(({ id }) => id === second?.id);
  assert.deepEqual([ended?.state, ended?.signing], ['passed', 'none']);
  const nothing = await retryRun(ended?.id ?? '', 'dana', { onlyFailed: true });
  assert.ok(nothing.kind === 'refused' && /Nothing of the run failed/.test(nothing.reason));

  // Of another plan nothing is kept, as when a variable or the catalogue of images changed what the files say.
  const stored = await owner.run.findUniqueOrThrow({ where: { id: retry.id } });
  const changed = JSON.parse(JSON.stringify(stored.plan).replaceAll('"lint"', '"lint2"')) as object;
  await owner.run.update({ where: { id: retry.id }, data: { plan: changed } });
  assert.equal((await retryRun(retry.id, 'dana', { onlyFailed: true })).kind, 'asked');
  await poll();
  const third = (await runs()).filter(({ retryOf }) => retryOf === retry.id).at(-1);
  assert.deepEqual(
    third?.jobs.map(({ keptFrom }) => keptFrom),
    [null, null],
  );
});
