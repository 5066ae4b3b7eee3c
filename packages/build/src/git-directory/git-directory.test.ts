import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { noIsolation } from '../isolation/none.ts';
import { unpackSource } from '../source.ts';
import { createWorkspace } from '../workspace.ts';
import type { Checkout } from './git-directory.ts';

const parent = join(process.cwd(), '.test');
let root: string;
let origin: string;
let archive: Buffer;
let commit: string;
let object: Buffer;

const runGit = (directory: string, ...args: string[]): Buffer =>
  execFileSync('git', ['-C', directory, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args], {
    env: { PATH: process.env['PATH'], GIT_CONFIG_NOSYSTEM: '1', HOME: root },
    maxBuffer: 1 << 26,
    stdio: 'pipe',
  });

before(() => {
  mkdirSync(parent, { recursive: true });
  root = mkdtempSync(join(parent, 'git-directory-'));
  origin = join(root, 'origin');
  mkdirSync(join(origin, 'src/deep'), { recursive: true });
  runGit(origin, 'init', '--quiet', '-b', 'main');
  writeFileSync(join(origin, 'old.txt'), 'old\n');
  runGit(origin, 'add', '.');
  runGit(origin, 'commit', '--quiet', '-m', 'one');
  writeFileSync(join(origin, 'src/run.sh'), '#!/bin/sh\n');
  chmodSync(join(origin, 'src/run.sh'), 0o755);
  writeFileSync(join(origin, 'src/deep/large.bin'), Buffer.alloc(300_000, 7));
  writeFileSync(join(origin, 'src/empty'), '');
  writeFileSync(join(origin, 'src/same.bin'), Buffer.alloc(300_000, 7));
  writeFileSync(join(origin, 'src.txt'), 'sorts between\n');
  writeFileSync(join(origin, 'grün.txt'), 'ü\n');
  symlinkSync('../old.txt', join(origin, 'src/link'));
  runGit(origin, 'add', '.');
  runGit(origin, 'commit', '--quiet', '-m', 'two');
  commit = runGit(origin, 'rev-parse', 'HEAD').toString().trim();
  object = runGit(origin, 'cat-file', 'commit', commit);
  archive = runGit(origin, '-c', 'tar.umask=0022', 'archive', '--format=tar', 'HEAD');
});
after(() => {
  rmSync(root, { recursive: true });
});

async function unpack(
  change: Partial<Checkout> = {},
  look: (directory: string) => void = () => {},
) {
  const workspace = await createWorkspace(root);
  const checkout = {
    commit,
    object,
    ref: 'refs/heads/main',
    url: 'https://git.example/a b"',
    withFiles: true,
  };
  try {
    const unpacked = await unpackSource({
      ...{ isolation: noIsolation(null), workspace, directory: '.' },
      source: { archive: Readable.from([archive]), checkout: { ...checkout, ...change } },
      signal: new AbortController().signal,
      now: () => new Date(),
    });
    look(workspace.path);
    return unpacked;
  } finally {
    await workspace.destroy();
  }
}

test('git takes the work tree for a clean checkout of the branch at the commit, in which nothing is missing', async () => {
  await unpack({}, (directory) => {
    const git = (...args: string[]): string =>
      runGit(directory, ...args)
        .toString()
        .trim();
    assert.equal(git('rev-parse', 'HEAD'), commit);
    assert.equal(git('symbolic-ref', 'HEAD'), 'refs/heads/main');
    assert.equal(git('rev-parse', 'origin/main'), commit);
    assert.equal(git('log', '--format=%s'), 'two');
    assert.equal(git('rev-parse', '--is-shallow-repository'), 'true');
    assert.equal(git('config', 'remote.origin.url'), 'https://git.example/a b"');
    assert.equal(git('fsck', '--strict', '--full'), '');
    // Without a refresh before: what the index says of the files is true as it was written.
    assert.equal(git('diff-index', 'HEAD'), '');
    assert.equal(git('status', '--porcelain'), '');
    assert.equal(git('ls-files', '-s'), runGit(origin, 'ls-files', '-s').toString().trim());
    assert.match(git('describe', '--always', '--dirty'), /^[0-9a-f]{7,}$/);
  });
});

test('a change of a file is seen, can be shown and undone', async () => {
  await unpack({}, (directory) => {
    const git = (...args: string[]): string => runGit(directory, ...args).toString();
    writeFileSync(join(directory, 'src.txt'), 'SORTS BETWEEN\n');
    assert.match(git('diff'), /-sorts between\n\+SORTS BETWEEN\n/);
    git('checkout', '--', '.');
    assert.equal(git('status', '--porcelain'), '');
    git('commit', '--quiet', '--allow-empty', '-m', 'three');
  });
});

test('without files the commit is there, the tree is clean, and no content is', async () => {
  await unpack({ withFiles: false }, (directory) => {
    const git = (...args: string[]): string =>
      runGit(directory, ...args)
        .toString()
        .trim();
    assert.equal(git('rev-parse', 'HEAD'), commit);
    assert.equal(git('status', '--porcelain'), '');
    assert.throws(() => git('show', 'HEAD:src.txt'));
  });
});

test('a tag, and a name that is no ref, leave HEAD at the commit', async () => {
  for (const ref of ['refs/tags/v1.0', 'refs/pull/7/head', 'refs/heads/a..b', 'refs/heads/a\nb']) {
    await unpack({ ref }, (directory) => {
      const git = (...args: string[]): string =>
        runGit(directory, ...args)
          .toString()
          .trim();
      assert.equal(git('rev-parse', 'HEAD'), commit);
      assert.throws(() => git('symbolic-ref', 'HEAD'));
      assert.equal(git('status', '--porcelain'), '');
      assert.equal(git('tag'), ref === 'refs/tags/v1.0' ? 'v1.0' : '');
    });
  }
});

test('another commit than is named, and one of another tree, unpack nothing', async () => {
  const other = runGit(origin, 'cat-file', 'commit', 'HEAD~1');
  const swapped = await unpack({ object: other });
  assert.ok(!swapped.ok);
  assert.match(swapped.complaint, /^what was sent as commit [0-9a-f]{40} is another object$/);
  const first = runGit(origin, 'rev-parse', 'HEAD~1').toString().trim();
  const older = await unpack({ commit: first, object: other });
  assert.ok(!older.ok);
  assert.match(older.complaint, /^the archive holds tree [0-9a-f]{40}, and commit .* names /);
});
