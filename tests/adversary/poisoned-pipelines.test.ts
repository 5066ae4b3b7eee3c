/** Whoever can push a branch or open a pull request chooses its name, title, author and files; none of that runs anything elsewhere. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Pair } from '@airlock/demo/pair';
import { gitIn } from '../support/git.ts';
import { runningPair } from '../support/pair.ts';
import { runWith, type Run } from '../support/runs.ts';

const kit = { name: 'Kit Outside', email: 'kit@elsewhere.example' };
const ended = ({ state }: Run): boolean => ['passed', 'failed'].includes(state);

const pipeline = (commands: readonly string[], event = 'push'): string =>
  `when:\n  - event: ${event}\nsteps:\n  - name: test\n    image: shop-builder\n    commands:\n${commands
    .map((command) => `      - ${JSON.stringify(command)}\n`)
    .join('')}`;

/** Says every name in each way that pipelines do, and fails when one of them ran. */
const sayAll = pipeline([
  'echo "branch ${CI_COMMIT_BRANCH} by ${CI_COMMIT_AUTHOR}: ${CI_COMMIT_MESSAGE}"',
  'echo branch ${CI_COMMIT_BRANCH} by ${CI_COMMIT_AUTHOR}: ${CI_COMMIT_MESSAGE}',
  'echo "$CI_COMMIT_REF" > name.txt',
  'test ! -e poisoned',
  'sh package.sh',
]);

/** Files that a name tries to make: one where the step runs, one on this machine. */
const payloads = (host: string): readonly string[] => [
  '$(touch${IFS}poisoned)',
  '`touch${IFS}poisoned`',
  'x";touch${IFS}poisoned;"',
  `x';touch\${IFS}${host};'`,
  `$(touch\${IFS}${host})`,
  '--upload-pack=touch${IFS}poisoned',
  '-o/tmp',
  'x|touch${IFS}poisoned',
  'x\n  - name: evil\n    image: shop-builder\n    commands: [touch poisoned]',
];

async function trustOf(pair: Pair, id: string): Promise<{ level: number; files: string }> {
  const [row] = await pair.query<{ level: number; files: string }>(
    'nonprod',
    'select level, files from run_trust where run_id = $1',
    [id],
  );
  assert.ok(row !== undefined);
  return row;
}

test('names of branches, authors and messages are data: nothing of them runs in a step or on this machine', async () => {
  const pair = await runningPair();
  const directory = mkdtempSync(join(tmpdir(), 'airlock-canary-'));
  const host = join(directory, 'hit');
  const commits: string[] = [];
  for (const [index, payload] of payloads(host).entries()) {
    // What git refuses in the name of a ref is left to message and author.
    const name = payload.replaceAll(/[\s~^:?*[\\]/g, '').replace(/^-/, 'x-');
    commits.push(
      await pair.repository.commit({
        message: payload,
        author: { ...kit, name: payload.replaceAll('\n', ' ') },
        ref: `refs/heads/names-${index}/${name}`,
        files: { '.woodpecker.yaml': sayAll },
      }),
    );
  }
  for (const commit of commits) {
    const run = await runWith(pair, commit, ended);
    assert.equal(run.state, 'passed', commit);
    assert.equal((await trustOf(pair, run.id)).level, 2);
  }
  assert.equal(existsSync(host), false);
  rmSync(directory, { recursive: true });
});

test('a pipeline that evaluates a name by itself is caught by that same canary', async () => {
  const pair = await runningPair();
  const commit = await pair.repository.commit({
    ...{ message: 'careless', author: kit, ref: 'refs/heads/careless/$(touch${IFS}poisoned)' },
    files: {
      '.woodpecker.yaml': pipeline([
        'eval "echo $CI_COMMIT_BRANCH"',
        'test ! -e poisoned',
        'sh package.sh',
      ]),
    },
  });
  const run = await runWith(pair, commit, ended);
  assert.equal(run.state, 'failed');
  const [row] = await pair.query<{ reason: string }>(
    'nonprod',
    'select reason from run where id = $1',
    [run.id],
  );
  assert.match(row?.reason ?? '', /exit code 1/);
});

test('direct: a pull request that rewrites the pipeline file is built by main’s, with trust 0 and unsigned', async () => {
  const pair = await runningPair();
  const commit = await pair.repository.commit({
    ...{ message: 'Better pipeline', author: kit, ref: 'refs/pull/71/head' },
    files: { '.woodpecker.yaml': pipeline(['exit 7'], 'pull_request') },
  });
  const run = await runWith(pair, commit, ended);
  assert.equal(run.state, 'passed');
  assert.deepEqual(await trustOf(pair, run.id), { level: 0, files: 'base' });
  assert.equal(run.signing, 'none');
});

test('indirect: a pull request that rewrites what the pipeline calls runs that in the sandbox, and reaches nothing of this machine', async () => {
  const pair = await runningPair();
  const directory = mkdtempSync(join(tmpdir(), 'airlock-canary-'));
  const host = join(directory, 'hit');
  const secrets = [pair.layout.signerSocket, pair.layout.config, pair.layout.keys];
  const commit = await pair.repository.commit({
    ...{ message: 'Better test', author: kit, ref: 'refs/pull/72/head' },
    files: {
      'test.sh': [
        `touch ${host} 2>/dev/null`,
        ...secrets.map((path) => `test ! -e ${path} || exit 3`),
        'exit 0\n',
      ].join('\n'),
    },
  });
  const run = await runWith(pair, commit, ended);
  assert.equal(run.state, 'passed', run.reason ?? '');
  assert.equal((await trustOf(pair, run.id)).level, 0);
  assert.equal(existsSync(host), false);
  rmSync(directory, { recursive: true });
});

test('fork: what a forge says of a pull request’s fork and author lifts nobody who is not known here', async () => {
  const pair = await runningPair();
  const commit = await pair.repository.commit({
    ...{ message: 'From a fork', author: kit, ref: 'refs/aside/73' },
    files: { '.woodpecker.yaml': pipeline(['exit 7'], 'pull_request') },
  });
  // As a verified webhook would have told it, of exactly this head.
  await pair.query(
    'nonprod',
    `insert into pull_request (repository, number, head_commit, head_repository, source_branch, base_branch,
       author_provider, author_id, author_name, is_fork, title, state, draft, labels, updated_at)
     select name, 73, $1, 'kit/shop', 'main', 'main', 'github', '4711', 'kit', true, '$(id)', 'open', false, '{}', now()
     from repository`,
    [commit],
  );
  await gitIn(pair, 'update-ref', 'refs/pull/73/head', commit);
  const run = await runWith(pair, commit, ended);
  assert.deepEqual(await trustOf(pair, run.id), { level: 0, files: 'base' });
  assert.equal(run.state, 'passed');
  const [trust] = await pair.query<{ why: string }>(
    'nonprod',
    'select why from run_trust where run_id = $1',
    [run.id],
  );
  assert.match(trust?.why ?? '', /kit \(github 4711\) is not known here as a member/);
});
