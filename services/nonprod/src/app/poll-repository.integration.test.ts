import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { createMirror } from '@airlock/git/mirror';
import { createLog } from '@airlock/process/log';
import { testPostgres } from '@airlock/testkit/stack';
import { createSourceMirror, nonprodRefspecs } from '../adapters/git/source-mirror.ts';
import { createHeadStore } from '../adapters/postgres/head-store.ts';
import { createPageQueries } from '../adapters/postgres/page-queries.ts';
import { createEvents } from '../events.ts';
import { testDatabase, type TestDatabase } from '../testing/database.ts';
import { newId } from '../testing/fixtures.ts';
import { makeRuns } from '../trust-keeping.ts';
import { createPollRepository } from './poll-repository.ts';

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
      { db: database.as('nonprod_scheduler'), mirror, jobs, events, newId },
      {
        pullRequests: 'run',
        maxArtifactBytes: 1_000_000,
        pools: { main: `${name}-trusted`, other: 'default' },
        repository: { name, mainBranch: 'main' },
        ...change,
      },
    );
    await createPollRepository(
      {
        mirror,
        heads,
        jobs,
        events,
        prepareRun,
      },
      {
        repository: { name, url: origin, mainBranch: 'main' },
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
  return { git, push, poll, runs, rung };
}

test('every head that moves gets one run, planned from its own files, in the pool of its trust', async () => {
  const { push, poll, runs, rung } = world('moves');
  const first = push('refs/heads/main', 'first', { '.woodpecker.yaml': pipeline });
  await poll();
  const second = push('refs/heads/main', 'VAT per line', { 'a.txt': 'a' });
  const change = push('refs/pull/7/head', 'a change', { 'b.txt': 'b' });
  push('refs/pull/7/merge', 'a merge nobody asked to build', {});
  push('refs/tags/v1', 'a tag', {});
  await poll();
  await poll();
  const found = await runs();
  assert.deepEqual(
    found.map((run) => [run.commit, run.event, run.pullRequest, run.jobs[0]?.pool]),
    [
      [first, 'push', null, 'moves-trusted'],
      [change, 'pull_request', 7, 'default'],
      [second, 'push', null, 'moves-trusted'],
    ],
  );
  assert.equal(found[2]?.subject, 'VAT per line');
  assert.equal(rung.length, 3);
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
