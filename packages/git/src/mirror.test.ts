import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { findProgram } from '@airlock/sandbox/host';
import { GitError, type GitErrorCode } from './git-error.ts';
import { createMirror, type Mirror } from './mirror.ts';

const root = mkdtempSync(join(tmpdir(), 'airlock-git-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});

/** A real repository with an ordinary git, as a forge would have it. */
function createRepository(): {
  directory: string;
  git(...args: string[]): string;
  commit(path: string, content: string, flags?: string[]): string;
} {
  const directory = mkdtempSync(join(root, 'origin-'));
  let clock = Date.UTC(2026, 0, 1) / 1000;
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: directory,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: root,
        GIT_CONFIG_NOSYSTEM: '1',
        GIT_AUTHOR_NAME: 'Dana',
        GIT_AUTHOR_EMAIL: 'dana@example.org',
        GIT_COMMITTER_NAME: 'Forge',
        GIT_COMMITTER_EMAIL: 'forge@example.org',
        GIT_AUTHOR_DATE: `${clock} +0200`,
        GIT_COMMITTER_DATE: `${clock} +0200`,
      },
    }).trim();
  git('init', '--quiet', '--initial-branch=main');
  return {
    directory,
    git,
    commit(path, content, flags = []) {
      clock += 60;
      mkdirSync(join(directory, path, '..'), { recursive: true });
      writeFileSync(join(directory, path), content);
      git('add', '--', path);
      git('commit', '--quiet', '-m', `write ${path}`, ...flags);
      return git('rev-parse', 'HEAD');
    },
  };
}

const isolation = findProgram('bwrap') === null ? 'none' : 'bubblewrap';

const mirrorOf = (url: string, more: Partial<Parameters<typeof createMirror>[0]> = {}): Mirror =>
  createMirror({
    directory: join(mkdtempSync(join(root, 'mirror-')), 'm.git'),
    url,
    protocols: ['file'],
    isolation,
    ...more,
  });

const allHeads = ['+refs/heads/*:refs/heads/*', '+refs/pull/*:refs/pull/*'];

const failsWith =
  (code: GitErrorCode, words = /./) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof GitError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    return true;
  };

test('the first fetch makes the mirror, later ones follow main', async () => {
  const origin = createRepository();
  const mirror = mirrorOf(origin.directory);
  assert.deepEqual(await mirror.fetch(), { head: null, previous: null });
  const first = origin.commit('a.txt', 'one');
  assert.deepEqual(await mirror.fetch(), { head: first, previous: null });
  const second = origin.commit('a.txt', 'two');
  assert.deepEqual(await mirror.fetch(), { head: second, previous: first });
  assert.deepEqual(await mirror.fetch(), { head: second, previous: second });
  assert.equal(await mirror.mainHead(), second);
});

test('fetches that are asked for at once take turns', async () => {
  const origin = createRepository();
  const head = origin.commit('a.txt', 'one');
  const mirror = mirrorOf(origin.directory);
  const results = await Promise.all([mirror.fetch(), mirror.fetch(), mirror.fetch()]);
  assert.deepEqual(
    results.map((result) => result.head),
    [head, head, head],
  );
});

test('a rewritten main is refused and the mirror keeps the old one', async () => {
  const origin = createRepository();
  origin.commit('a.txt', 'one');
  const seen = origin.commit('a.txt', 'two');
  const mirror = mirrorOf(origin.directory);
  await mirror.fetch();
  origin.git('reset', '--quiet', '--hard', 'HEAD~1');
  const rewritten = origin.commit('a.txt', 'evil');
  await assert.rejects(mirror.fetch(), failsWith('git-rewound', new RegExp(seen)));
  assert.equal(await mirror.mainHead(), seen);
  assert.notEqual((await mirror.commitFacts(rewritten, []))?.onMain, true);
});

test('a main set back to an earlier commit is refused too', async () => {
  const origin = createRepository();
  origin.commit('a.txt', 'one');
  const seen = origin.commit('a.txt', 'two');
  const mirror = mirrorOf(origin.directory);
  await mirror.fetch();
  origin.git('reset', '--quiet', '--hard', 'HEAD~1');
  await assert.rejects(mirror.fetch(), failsWith('git-rewound'));
  assert.equal(await mirror.mainHead(), seen);
});

test('a rewritten main that was accepted is taken over, and nothing else is', async () => {
  const origin = createRepository();
  const base = origin.commit('a.txt', 'one');
  const seen = origin.commit('a.txt', 'two');
  const mirror = mirrorOf(origin.directory);
  await mirror.fetch();
  origin.git('reset', '--quiet', '--hard', 'HEAD~1');
  const rewritten = origin.commit('a.txt', 'other');
  const newest = origin.commit('a.txt', 'more');
  const rewound = failsWith('git-rewound');
  await assert.rejects(mirror.fetch(), rewound);
  await assert.rejects(mirror.acceptRewrite({ from: base, to: rewritten }), rewound);
  await assert.rejects(mirror.acceptRewrite({ from: seen, to: '1'.repeat(40) }), rewound);
  assert.equal(await mirror.mainHead(), seen);
  await mirror.acceptRewrite({ from: seen, to: rewritten });
  assert.equal(await mirror.mainHead(), rewritten);
  assert.deepEqual(await mirror.fetch(), { head: newest, previous: rewritten });
  assert.deepEqual(await mirror.refs('refs/'), [{ ref: 'refs/heads/main', commit: newest }]);
  assert.equal((await mirror.commitFacts(seen, []))?.onMain, false);
});

test('a main that is gone is refused', async () => {
  const origin = createRepository();
  const seen = origin.commit('a.txt', 'one');
  const mirror = mirrorOf(origin.directory);
  await mirror.fetch();
  origin.git('branch', '--move', 'main', 'elsewhere');
  await assert.rejects(mirror.fetch(), failsWith('git-rewound', /main is gone/));
  assert.equal(await mirror.mainHead(), seen);
});

test('only main arrives: no other branch, pull request, tag or replacement', async () => {
  const origin = createRepository();
  const base = origin.commit('a.txt', 'one');
  origin.git('checkout', '--quiet', '-b', 'feature');
  const proposed = origin.commit('a.txt', 'evil');
  origin.git('update-ref', 'refs/pull/1/head', proposed);
  origin.git('checkout', '--quiet', 'main');
  origin.git('tag', 'v1');
  origin.git('replace', base, proposed);
  const mirror = mirrorOf(origin.directory);
  await mirror.fetch();
  assert.deepEqual(await mirror.refs('refs/'), [{ ref: 'refs/heads/main', commit: base }]);
  assert.equal(await mirror.commitFacts(proposed, []), null);
});

test('a tag named main is not main', async () => {
  const origin = createRepository();
  const real = origin.commit('a.txt', 'one');
  origin.git('checkout', '--quiet', '-b', 'feature');
  const evil = origin.commit('a.txt', 'evil');
  origin.git('tag', 'main', evil);
  const mirror = mirrorOf(origin.directory, {
    refspecs: ['+refs/heads/*:refs/heads/*', '+refs/tags/*:refs/tags/*'],
  });
  const { head } = await mirror.fetch();
  assert.equal(head, real);
  assert.equal((await mirror.commitFacts(evil, []))?.onMain, false);
  assert.equal((await mirror.commitFacts(real, []))?.onMain, true);
});

test('a replacement planted in the mirror itself changes no answer', async () => {
  const origin = createRepository();
  const real = origin.commit('a.txt', 'good');
  origin.git('checkout', '--quiet', '-b', 'feature');
  const evil = origin.commit('a.txt', 'evil');
  const directory = join(mkdtempSync(join(root, 'mirror-')), 'm.git');
  const mirror = mirrorOf(origin.directory, { directory, refspecs: allHeads });
  await mirror.fetch();
  execFileSync('git', ['--git-dir', directory, 'replace', real, evil]);
  assert.equal((await mirror.readBlob(real, 'a.txt'))?.toString(), 'good');
});

test('a commit of a side branch is on main, but was never main', async () => {
  const origin = createRepository();
  const first = origin.commit('a.txt', 'one');
  origin.git('checkout', '--quiet', '-b', 'feature');
  const side = origin.commit('b.txt', 'side');
  origin.git('checkout', '--quiet', 'main');
  const second = origin.commit('a.txt', 'two');
  origin.git('merge', '--quiet', '--no-ff', '-m', 'merge feature', 'feature');
  const merge = origin.git('rev-parse', 'HEAD');
  const mirror = mirrorOf(origin.directory);
  await mirror.fetch();
  const rows = await Promise.all(
    [first, second, merge, side].map(async (commit) => {
      const facts = await mirror.commitFacts(commit, []);
      return [facts?.onMain, facts?.firstParent, facts?.position];
    }),
  );
  assert.deepEqual(rows, [
    [true, true, 1],
    [true, true, 2],
    [true, true, 3],
    [true, false, 0],
  ]);
});

test('places on main are the same whether its line was read whole or grew, near or far', async () => {
  const origin = createRepository();
  const commits = [origin.commit('a.txt', 'first')];
  const mirror = mirrorOf(origin.directory);
  const placesIn = async (one: Mirror) =>
    Promise.all(commits.map(async (commit) => (await one.commitFacts(commit, []))?.position));
  for (const more of [0, 1, 3, 70]) {
    for (let at = 0; at < more; at += 1) {
      origin.git('commit', '--quiet', '--allow-empty', '-m', `more ${at}`);
      commits.push(origin.git('rev-parse', 'HEAD'));
    }
    await mirror.fetch();
    assert.deepEqual(
      await placesIn(mirror),
      commits.map((_, index) => index + 1),
    );
  }
});

test('of a main that was rewritten nothing is left on the line, whichever head was read at the same time', async () => {
  const origin = createRepository();
  origin.commit('a.txt', 'base');
  const mirror = mirrorOf(origin.directory);
  await mirror.fetch();
  const base = await mirror.mainHead();
  assert.equal((await mirror.commitFacts(String(base), []))?.position, 1);
  const gone = origin.commit('a.txt', 'gone');
  await mirror.fetch();
  // Read with `gone` as the head, while main moves.
  const during = mirror.commitFacts(gone, []);
  origin.git('reset', '--quiet', '--hard', 'HEAD~1');
  const kept = origin.commit('a.txt', 'kept');
  await mirror.acceptRewrite({ from: gone, to: kept });
  await Promise.all([during, mirror.commitFacts(kept, [])]);
  const facts = await mirror.commitFacts(gone, []);
  assert.deepEqual([facts?.onMain, facts?.firstParent, facts?.position], [false, false, 0]);
  assert.equal((await mirror.commitFacts(kept, []))?.position, 2);
});

test('a commit that only a pull request has is known and not on main', async () => {
  const origin = createRepository();
  origin.commit('a.txt', 'one');
  origin.git('checkout', '--quiet', '--detach');
  const proposed = origin.commit('a.txt', 'evil');
  origin.git('update-ref', 'refs/pull/7/head', proposed);
  const mirror = mirrorOf(origin.directory, { refspecs: allHeads });
  await mirror.fetch();
  assert.deepEqual(await mirror.commitFacts(proposed, []), {
    onMain: false,
    firstParent: false,
    position: 0,
    blobs: {},
  });
  assert.deepEqual(await mirror.refs('refs/pull/'), [
    { ref: 'refs/pull/7/head', commit: proposed },
  ]);
});

test('what is no commit has no facts: an unknown id, a blob, a tree, a tag object', async () => {
  const origin = createRepository();
  origin.commit('a.txt', 'one');
  origin.git('tag', '--annotate', 'v1', '-m', 'one');
  const mirror = mirrorOf(origin.directory, {
    refspecs: [...allHeads, '+refs/tags/*:refs/tags/*'],
  });
  await mirror.fetch();
  for (const name of ['HEAD:a.txt', 'HEAD^{tree}', 'refs/tags/v1']) {
    assert.equal(await mirror.commitFacts(origin.git('rev-parse', name), []), null, name);
  }
  assert.equal(await mirror.commitFacts('1'.repeat(40), []), null);
});

test('files are named by their blob; folders, links, and what is missing are not files', async () => {
  const origin = createRepository();
  origin.commit('.airlock/build.yaml', 'steps: []\n');
  writeFileSync(join(origin.directory, 'run.sh'), '#!/bin/sh\n');
  chmodSync(join(origin.directory, 'run.sh'), 0o755);
  symlinkSync('.airlock/build.yaml', join(origin.directory, 'link'));
  origin.git('add', 'link', 'run.sh');
  const head = origin.commit('with space \n*.txt', 'odd');
  const mirror = mirrorOf(origin.directory);
  await mirror.fetch();
  const paths = [
    '.airlock/build.yaml',
    '.airlock',
    'link',
    'run.sh',
    'with space \n*.txt',
    '*',
    'x',
  ];
  assert.deepEqual((await mirror.commitFacts(head, paths))?.blobs, {
    '.airlock/build.yaml': origin.git('rev-parse', 'HEAD:.airlock/build.yaml'),
    '.airlock': null,
    link: null,
    'run.sh': origin.git('rev-parse', 'HEAD:run.sh'),
    'with space \n*.txt': origin.git('rev-parse', 'HEAD:with space \n*.txt'),
    '*': null,
    x: null,
  });
  assert.equal((await mirror.readBlob(head, '.airlock/build.yaml'))?.toString(), 'steps: []\n');
  assert.equal(await mirror.readBlob(head, 'link'), null);
  assert.equal(await mirror.readBlob(head, 'x'), null);
});

test('names that are not written as such are refused before git sees them', async () => {
  const origin = createRepository();
  const head = origin.commit('a.txt', 'one');
  const mirror = mirrorOf(origin.directory);
  await mirror.fetch();
  const refused = failsWith('git-name-refused');
  await assert.rejects(mirror.commitFacts('main', []), refused);
  await assert.rejects(mirror.commitFacts('--all', []), refused);
  await assert.rejects(mirror.resolve('main'), refused);
  await assert.rejects(mirror.resolve('refs/heads/main^'), refused);
  await assert.rejects(mirror.readBlob(head, '/etc/passwd'), refused);
  await assert.rejects(mirror.readBlob(head, ''), refused);
  await assert.rejects(mirror.log({ from: null, to: '--output=/tmp/x', limit: 1 }), refused);
  await assert.rejects(mirror.refs('--format=x'), refused);
});

test('a tree with a .git entry is refused by the check of what arrives', async () => {
  const origin = createRepository();
  const seen = origin.commit('a.txt', 'one');
  const directory = join(mkdtempSync(join(root, 'mirror-')), 'm.git');
  const mirror = mirrorOf(origin.directory, { directory });
  await mirror.fetch();
  const blob = origin.git('rev-parse', 'HEAD:a.txt');
  const tree = spawnSync('git', ['mktree'], {
    cwd: origin.directory,
    input: `100644 blob ${blob}\t.git\n`,
    encoding: 'utf8',
  }).stdout.trim();
  origin.git(
    'update-ref',
    'refs/heads/main',
    origin.git('commit-tree', tree, '-p', seen, '-m', 'x'),
  );
  await assert.rejects(mirror.fetch(), failsWith('git-fsck', /hasDotgit|contains '\.git'/));
  assert.equal(await mirror.mainHead(), seen);
  assert.deepEqual(
    readdirSync(join(directory, 'objects', 'pack')).filter((name) => name.startsWith('tmp_')),
    [],
  );
});

test('a remote that is not there is unreachable, and its password is not repeated', async () => {
  await assert.rejects(
    mirrorOf(join(root, 'nowhere')).fetch(),
    failsWith('git-unreachable', /nowhere/),
  );
  const mirror = mirrorOf('http://dana:hunter2@127.0.0.1:1/x.git', { protocols: ['http'] });
  await assert.rejects(mirror.fetch(), (error) => {
    assert.ok(!String(error).includes('hunter2'), String(error));
    return failsWith('git-unreachable', /127\.0\.0\.1/)(error);
  });
});

test('a remote that does not end is given up', async () => {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const mirror = mirrorOf(`http://127.0.0.1:${address.port}/x.git`, {
    protocols: ['http'],
    timeoutMs: 500,
  });
  const startedAt = performance.now();
  await assert.rejects(mirror.fetch(), failsWith('git-unreachable', /longer than 500 ms/));
  assert.ok(performance.now() - startedAt < 5_000);
  server.close();
});

test('only the protocols that are named may be used', () => {
  const refused = failsWith('configuration-git-url');
  for (const url of [
    'ext::sh -c id',
    '--upload-pack=id',
    'relative/path',
    'ssh://h/r',
    'git@h:r',
  ]) {
    assert.throws(() => mirrorOf(url), refused, url);
  }
  assert.throws(() => mirrorOf(root, { protocols: ['https'] }), refused);
});

test('hooks and settings of the remote repository do not run here', async () => {
  const origin = createRepository();
  origin.commit('a.txt', 'one');
  const witness = join(root, 'witness');
  for (const hook of ['post-checkout', 'reference-transaction', 'pre-auto-gc', 'post-update']) {
    writeFileSync(join(origin.directory, '.git/hooks', hook), `#!/bin/sh\ntouch ${witness}\n`, {
      mode: 0o755,
    });
  }
  origin.git('config', 'core.fsmonitor', `touch ${witness}`);
  await mirrorOf(origin.directory).fetch();
  assert.equal(existsSync(witness), false);
});

test('settings of the person or machine that runs this change nothing', async () => {
  const origin = createRepository();
  const head = origin.commit('a.txt', 'one');
  const config = join(root, 'hostile-config');
  writeFileSync(
    config,
    '[url "https://evil.invalid/"]\n  insteadOf = /\n[log]\n  showSignature = true\n',
  );
  process.env['GIT_CONFIG_GLOBAL'] = config;
  process.env['GIT_DIR'] = '/nonexistent';
  try {
    assert.equal((await mirrorOf(origin.directory).fetch()).head, head);
  } finally {
    delete process.env['GIT_CONFIG_GLOBAL'];
    delete process.env['GIT_DIR'];
  }
});

test('the log lists every commit of a range, with who wrote and who committed it', async () => {
  const origin = createRepository();
  const base = origin.commit('a.txt', 'one');
  origin.git('checkout', '--quiet', '-b', 'feature');
  const side = origin.commit('b.txt', 'side');
  origin.git('checkout', '--quiet', 'main');
  origin.git('merge', '--quiet', '--no-ff', '-m', 'merge feature', 'feature');
  const head = origin.git('rev-parse', 'HEAD');
  const mirror = mirrorOf(origin.directory);
  await mirror.fetch();
  const entries = await mirror.log({ from: base, to: head, limit: 10 });
  assert.deepEqual(
    entries.map(({ commit }) => commit),
    [head, side],
  );
  assert.deepEqual(entries[1], {
    commit: side,
    authorName: 'Dana',
    authorEmail: 'dana@example.org',
    committerName: 'Forge',
    committerEmail: 'forge@example.org',
    subject: 'write b.txt',
    committedAt: '2026-01-01T00:02:00Z',
  });
  assert.deepEqual((await mirror.log({ from: null, to: head, limit: 10 })).length, 3);
  assert.deepEqual((await mirror.log({ from: null, to: head, limit: 1 })).length, 1);
  assert.deepEqual(await mirror.log({ from: head, to: head, limit: 10 }), []);
});

test('changed files carry status and line counts, whatever they are called', async () => {
  const origin = createRepository();
  origin.commit('kept.txt', 'same\n');
  origin.commit('gone.txt', '1\n2\n');
  const base = origin.commit('edited.txt', '1\n2\n3\n');
  origin.git('rm', '--quiet', 'gone.txt');
  origin.commit('edited.txt', '1\nchanged\n3\n4\n');
  origin.commit('odd\tname\n:100644.txt', 'new\n');
  const head = origin.commit('binary.dat', '\0\u0001\0');
  const mirror = mirrorOf(origin.directory);
  await mirror.fetch();
  const files = await mirror.changedFiles({ from: base, to: head });
  assert.deepEqual(files, [
    { path: 'binary.dat', status: 'A', added: null, removed: null },
    { path: 'edited.txt', status: 'M', added: 2, removed: 1 },
    { path: 'gone.txt', status: 'D', added: 0, removed: 2 },
    { path: 'odd\tname\n:100644.txt', status: 'A', added: 1, removed: 0 },
  ]);
  const all = await mirror.changedFiles({ from: null, to: head });
  assert.deepEqual(
    all.map(({ status }) => status),
    ['A', 'A', 'A', 'A'],
  );
});

test('an archive holds the files of the commit unchanged, whatever its attributes say', async () => {
  const origin = createRepository();
  origin.commit('.gitattributes', 'secret.txt export-ignore\nversion.txt export-subst\n');
  origin.commit('secret.txt', 'here');
  const head = origin.commit('version.txt', '$Format:%H$');
  const mirror = mirrorOf(origin.directory);
  await mirror.fetch();
  const tar = join(mkdtempSync(join(root, 'tar-')), 'a.tar');
  writeFileSync(tar, await buffer(mirror.archive(head)));
  const read = (name: string): string =>
    execFileSync('tar', ['-xOf', tar, name], { encoding: 'utf8' });
  assert.equal(read('version.txt'), '$Format:%H$');
  assert.equal(read('secret.txt'), 'here');
});

test('an archive of what is not there fails and does not end like a whole one', async () => {
  const origin = createRepository();
  origin.commit('a.txt', 'one');
  const mirror = mirrorOf(origin.directory);
  await mirror.fetch();
  await assert.rejects(buffer(mirror.archive('1'.repeat(40))), failsWith('git-failed', /archive/));
});

test('a branch below the name of a deleted one arrives', async () => {
  const origin = createRepository();
  const head = origin.commit('a.txt', 'one');
  origin.git('branch', 'topic');
  const mirror = mirrorOf(origin.directory, { refspecs: allHeads });
  await mirror.fetch();
  origin.git('branch', '--delete', 'topic');
  origin.git('branch', 'topic/one');
  await mirror.fetch();
  assert.deepEqual(await mirror.refs('refs/heads/'), [
    { ref: 'refs/heads/main', commit: head },
    { ref: 'refs/heads/topic/one', commit: head },
  ]);
});

test('a lock that a killed fetch left behind is removed once it is old', async () => {
  const origin = createRepository();
  origin.commit('a.txt', 'one');
  const directory = join(mkdtempSync(join(root, 'mirror-')), 'm.git');
  const mirror = mirrorOf(origin.directory, { directory, timeoutMs: 10_000 });
  await mirror.fetch();
  const head = origin.commit('a.txt', 'two');
  const lock = join(directory, 'refs/heads/main.lock');
  writeFileSync(lock, '');
  await assert.rejects(mirror.fetch());
  const longAgo = Date.now() / 1000 - 3600;
  utimesSync(lock, longAgo, longAgo);
  assert.equal((await mirror.fetch()).head, head);
});

test('a file larger than is accepted is refused and not cut', async () => {
  const origin = createRepository();
  const head = origin.commit('big.bin', 'x'.repeat(17 * 1024 * 1024));
  const mirror = mirrorOf(origin.directory);
  await mirror.fetch();
  await assert.rejects(mirror.readBlob(head, 'big.bin'), failsWith('git-too-large'));
});

test('reading before the first fetch says that there is no mirror yet', async () => {
  const origin = createRepository();
  await assert.rejects(
    mirrorOf(origin.directory).mainHead(),
    failsWith('git-failed', /fetch it first/),
  );
});
