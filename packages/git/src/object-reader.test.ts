/** What is read from one long-lived process is what git says when it is asked anew. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { GitError } from './git-error.ts';
import { createMirror } from './mirror.ts';
import { createObjectReader } from './object-reader.ts';
import { createObjectStream } from './object-stream.ts';

const root = mkdtempSync(join(tmpdir(), 'airlock-objects-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});

function world(name: string) {
  const work = join(root, name);
  mkdirSync(work);
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', work, ...args], {
      encoding: 'utf8',
      env: {
        ...{ PATH: process.env['PATH'], HOME: root, GIT_CONFIG_NOSYSTEM: '1' },
        ...{ GIT_AUTHOR_NAME: 'Dana', GIT_AUTHOR_EMAIL: 'dana@example.com' },
        ...{ GIT_COMMITTER_NAME: 'Dana', GIT_COMMITTER_EMAIL: 'dana@example.com' },
      },
    }).trimEnd();
  git('init', '--quiet', '--initial-branch=main');
  const commit = (files: Record<string, string | null>): string => {
    for (const [path, text] of Object.entries(files)) {
      rmSync(join(work, path), { recursive: true, force: true });
      mkdirSync(dirname(join(work, path)), { recursive: true });
      if (text !== null) writeFileSync(join(work, path), text);
    }
    git('add', '--all');
    git('commit', '--quiet', '--allow-empty', '-m', 'one');
    return git('rev-parse', 'HEAD');
  };
  const directory = join(root, `${name}.git`);
  const mirror = createMirror({
    ...{ directory, url: work, protocols: ['file'] },
    refspecs: ['+refs/heads/*:refs/heads/*'],
  });
  const context = {
    ...{ directory, protocols: [], timeoutMs: 10_000 },
    isolation: 'none',
  } as const;
  return { work, git, commit, mirror, objects: mirror.objects, directory, context };
}

/** The `git cat-file` processes of a mirror. */
function processes(directory: string): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' }).split('\n');
  return lines
    .filter((line) => line.includes(`--git-dir=${directory} cat-file --batch`))
    .map((line) => Number.parseInt(line, 10));
}

test('files, directories and ids are those that git names, whatever the entries are', async () => {
  const { work, commit, git, mirror, objects } = world('entries');
  writeFileSync(join(work, 'run.sh'), '#!/bin/sh\n');
  chmodSync(join(work, 'run.sh'), 0o755);
  symlinkSync('a.txt', join(work, 'link'));
  const first = commit({ 'a.txt': 'a', 'dir/b c.txt': 'b', 'dir/ü/deep.txt': 'd', 'dir.x/y': 'y' });
  git('update-index', '--add', '--cacheinfo', `160000,${first},module`);
  const head = commit({});
  await mirror.fetch();
  for (const directory of ['', 'dir', 'dir/ü', 'nowhere', 'a.txt', 'link', 'module']) {
    const found = await objects.listFiles(head, directory);
    assert.deepEqual(found, await mirror.listFiles(head, directory), directory);
  }
  const paths = ['a.txt', 'run.sh', 'link', 'module', 'dir', 'dir/b c.txt', 'dir/ü/deep.txt'];
  const facts = await mirror.commitFacts(head, paths);
  for (const path of [...paths, 'a.txt/b', '..', 'dir/../a.txt']) {
    assert.equal(await objects.blobId(head, path), facts?.blobs[path] ?? null, path);
  }
  assert.equal((await objects.readBlob(head, 'dir/ü/deep.txt'))?.toString(), 'd');
  assert.deepEqual(await objects.commit(head), await mirror.commitObject(head));
  assert.equal(await objects.commit('1'.repeat(40)), null);
  assert.equal(await objects.commit(git('rev-parse', 'HEAD^{tree}')), null);
  assert.equal(await objects.resolve('refs/heads/main'), head);
  assert.equal(await objects.resolve('refs/heads/none'), null);
});

test('what changed between two commits is what git diff-tree lists', async () => {
  const { commit, mirror, objects, git } = world('changes');
  const one = commit({ a: '1', 'd/b': '1', 'd/c': '1', 'e/f/g': '1', same: 's', 'x/y': '1' });
  const two = commit({ a: '2', 'd/b': null, 'd/n': '1', e: 'a file now', x: null, z: '1' });
  git('update-index', '--chmod=+x', 'same');
  git('commit', '--quiet', '-m', 'mode');
  const three = git('rev-parse', 'HEAD');
  await mirror.fetch();
  for (const [from, to] of [
    [one, two],
    [two, one],
    [one, three],
    [three, three],
  ] as const) {
    const listed = (await mirror.changedFiles({ from, to })).map(({ path }) => path);
    assert.deepEqual((await objects.changedPaths(from, to, 100))?.sort(), listed.sort());
  }
  assert.equal(await objects.changedPaths(one, two, 3), null);
});

test('an ancestor is found through merges, and none is claimed that is not one', async () => {
  const { commit, mirror, objects, git } = world('ancestors');
  const base = commit({ a: '1' });
  git('checkout', '--quiet', '-b', 'side');
  const side = commit({ b: '1' });
  git('checkout', '--quiet', 'main');
  const main = commit({ c: '1' });
  git('merge', '--quiet', '--no-edit', 'side');
  const merge = git('rev-parse', 'HEAD');
  await mirror.fetch();
  assert.ok(await objects.comesFrom(merge, base));
  assert.ok(await objects.comesFrom(merge, side));
  assert.ok(await objects.comesFrom(main, main));
  assert.ok(!(await objects.comesFrom(main, side)));
  assert.ok(!(await objects.comesFrom(base, merge)));
});

test('where two commits part is what git says, through lines, roots and merges, or unclear', async () => {
  const { commit, mirror, objects, git } = world('forks');
  const tree = (commit({ a: '1' }), git('rev-parse', 'HEAD^{tree}'));
  const made: string[] = [];
  const make = (...parents: readonly (string | undefined)[]): string => {
    const from = parents.flatMap((parent) => (parent === undefined ? [] : ['-p', parent]));
    const name = git('commit-tree', tree, ...from, '-m', String(made.length));
    git('update-ref', `refs/heads/c${made.length}`, name);
    made.push(name);
    return name;
  };
  const mergeBase = (one: string, other: string): string | null => {
    try {
      return git('merge-base', '--all', one, other);
    } catch (error) {
      // That is how git says that there is none.
      if (error instanceof Error && 'status' in error && error.status === 1) return null;
      throw error;
    }
  };
  const root = make();
  const left = make(make(root));
  const right = make(make(make(root)));
  const merge = make(left, right);
  const [onMerge, alsoOnMerge] = [make(make(merge)), make(merge)];
  const stranger = make(make());
  const crossed = make(make(left, right));
  // Of a merge's parents the second may be the one that leads there first.
  const far = make(make(make(left)));
  make(far, root);
  await mirror.fetch();
  for (const one of made) {
    for (const other of made) {
      const said = await objects.forkOf(one, other);
      if (said === 'unclear') continue;
      const pair = `${made.indexOf(one)} and ${made.indexOf(other)}`;
      assert.equal(said.commit, mergeBase(one, other), pair);
    }
  }
  for (const [one, other, fork] of [
    [left, right, { commit: root }],
    [right, root, { commit: root }],
    [onMerge, alsoOnMerge, { commit: merge }],
    [crossed, crossed, { commit: crossed }],
    [left, stranger, { commit: null }],
    [crossed, merge, 'unclear'],
    [crossed, far, 'unclear'],
    [left, 'f'.repeat(40), 'unclear'],
  ] as const) {
    assert.deepEqual(await objects.forkOf(one, other), fork);
  }
});

test('one process answers a thousand questions, sees what is fetched later, and is another when it was killed', async () => {
  const { commit, mirror, objects, directory } = world('process');
  const one = commit({ a: '1' });
  await mirror.fetch();
  const all = await Promise.all(Array.from({ length: 1000 }, () => objects.readBlob(one, 'a')));
  assert.ok(all.every((content) => content?.toString() === '1'));
  const [pid, ...more] = processes(directory);
  assert.ok(pid !== undefined && more.length === 0);
  const two = commit({ a: '2' });
  assert.equal(await objects.commit(two), null);
  await mirror.fetch();
  assert.equal((await objects.readBlob(two, 'a'))?.toString(), '2');
  assert.deepEqual(processes(directory), [pid]);
  process.kill(pid, 'SIGKILL');
  assert.equal((await objects.readBlob(two, 'a'))?.toString(), '2');
  assert.equal(await objects.resolve('refs/heads/main'), two);
  assert.equal(processes(directory).length, 1);
  assert.notDeepEqual(processes(directory), [pid]);
});

test('an object beyond the limit is refused by name and size, and those asked for beside it are read', async () => {
  const { commit, mirror, context, git } = world('large');
  const head = commit({ big: 'x'.repeat(3_000_000), small: 's' });
  await mirror.fetch();
  const stream = createObjectStream(context);
  const [big, small] = ['big', 'small'].map((name) => git('rev-parse', `${head}:${name}`));
  assert.ok(big !== undefined && small !== undefined);
  const refused = assert.rejects(stream.read(big, 1_000_000), (error) => {
    assert.ok(error instanceof GitError);
    assert.equal(error.code, 'git-too-large');
    assert.match(error.message, new RegExp(`${big} has 3000000 bytes; at most 1000000`));
    return true;
  });
  assert.equal((await stream.read(small, 10))?.content.toString(), 's');
  await refused;
  assert.equal((await stream.read(big, 3_000_000))?.content.length, 3_000_000);
});

test('it ends when nobody asks, and a program that has asked ends with it still there', async () => {
  const { commit, mirror, context, directory } = world('idle');
  const head = commit({ a: '1' });
  await mirror.fetch();
  const before = processes(directory);
  const stream = createObjectStream(context, 50);
  assert.equal((await stream.read(head, 10_000))?.id, head);
  const [mine] = processes(directory).filter((pid) => !before.includes(pid));
  assert.ok(mine !== undefined);
  const until = performance.now() + 5_000;
  while (processes(directory).includes(mine) && performance.now() < until) await sleep(20);
  assert.ok(!processes(directory).includes(mine));
  assert.equal((await stream.read(head, 10_000))?.id, head);
  const program = join(root, 'asks.mts');
  writeFileSync(
    program,
    `import { createObjectStream } from ${JSON.stringify(new URL('./object-stream.ts', import.meta.url).href)};
const stream = createObjectStream(${JSON.stringify(context)}, 60_000);
process.stdout.write((await stream.read(${JSON.stringify(head)}, 10_000)).id);\n`,
  );
  const options = { encoding: 'utf8', timeout: 20_000 } as const;
  assert.equal(execFileSync(process.execPath, [...process.execArgv, program], options), head);
});

test('without a mirror it says so, and names that are none are refused before git sees them', async () => {
  const { objects, commit, directory } = world('none');
  const head = commit({ a: '1' });
  await assert.rejects(objects.commit(head), /there is no mirror in .*none\.git yet; fetch it/);
  for (const wrong of ['HEAD', `${head}\n${head}`, head.slice(0, 8)]) {
    await assert.rejects(objects.commit(wrong), { code: 'git-name-refused' });
  }
  await assert.rejects(objects.resolve('refs/heads/a\nb'), { code: 'git-name-refused' });
  assert.throws(() => readFileSync(join(directory, 'HEAD')));
});

test('an object that was replaced in the mirror is refused, and so is everything that is found through it', async () => {
  const { mirror, commit, directory, context } = world('replaced');
  const [good, other] = [commit({ 'a.txt': 'good' }), commit({ 'a.txt': 'evil' })];
  await mirror.fetch();
  const loose = (id: string): string => join(directory, 'objects', id.slice(0, 2), id.slice(2));
  const unpack = { input: readFileSync(packIn(directory)) };
  rmSync(join(directory, 'objects/pack'), { recursive: true });
  execFileSync('git', [`--git-dir=${directory}`, 'unpack-objects', '-q'], unpack);
  const blobOf = (at: string): string =>
    execFileSync('git', [`--git-dir=${directory}`, 'rev-parse', `${at}:a.txt`], {
      encoding: 'utf8',
    }).trim();
  // Each a process of its own: the fetch's has the pack open.
  const before = createObjectReader(context);
  const reader = (): typeof before => createObjectReader(context);
  assert.equal((await before.readBlob(good, 'a.txt'))?.toString(), 'good');
  replace(loose(blobOf(good)), loose(blobOf(other)));
  await assert.rejects(reader().readBlob(good, 'a.txt'), /is not what its id says/);
  replace(loose(good), loose(other));
  const objects = reader();
  await assert.rejects(objects.commit(good), { code: 'git-failed' });
  await assert.rejects(objects.listFiles(good, ''), /is not what its id says/);
  for (const [from, to] of [
    [null, other],
    [good, other],
  ] as const) {
    await assert.rejects(objects.range({ from, to, limit: 5 }), /is not what its id says/);
  }
  await assert.rejects(objects.differences({ from: good, to: other }), /is not what its id says/);
  assert.equal((await objects.readBlob(other, 'a.txt'))?.toString(), 'evil');
  // What it had read is what the ids said, and is not asked for again.
  assert.equal((await before.readBlob(good, 'a.txt'))?.toString(), 'good');
});

function packIn(directory: string): string {
  const pack = readdirSync(join(directory, 'objects/pack')).find((name) => name.endsWith('.pack'));
  if (pack === undefined) throw new Error('there is no pack');
  return join(directory, 'objects/pack', pack);
}

function replace(one: string, other: string): void {
  rmSync(one, { force: true });
  copyFileSync(other, one);
}

test('the line of first parents ends before its end, and is not told where that is not near or not on it', async () => {
  const { objects, mirror, commit, git } = world('line');
  const first = commit({ a: '1' });
  git('checkout', '--quiet', '-b', 'side');
  const side = commit({ b: '1' });
  git('checkout', '--quiet', 'main');
  const second = commit({ a: '2' });
  git('merge', '--quiet', '--no-ff', '-m', 'merge', 'side');
  const third = git('rev-parse', 'HEAD');
  await mirror.fetch();
  assert.deepEqual(await objects.firstParents(third, first), [third, second]);
  assert.deepEqual(await objects.firstParents(third, third), []);
  assert.equal(await objects.firstParents(third, side), null);
  assert.equal(await objects.firstParents(first, third), null);
  assert.ok(await objects.isLineToRoot([third, second, first]));
  for (const line of [
    [third, second],
    [third, first],
    [third, side, first],
    [second, third, first],
    [third, second, '1'.repeat(40)],
  ]) {
    assert.ok(!(await objects.isLineToRoot(line)), line.join());
  }
});
