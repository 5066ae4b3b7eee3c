/** Who wrote what between two commits rests on hashed objects: git is compared with, and not believed. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as fc from 'fast-check';
import { type CommitObject, parseCommit } from './commit-object.ts';
import { commitRange } from './commit-range.ts';
import { GitError } from './git-error.ts';
import { createMirror } from './mirror.ts';

const root = mkdtempSync(join(tmpdir(), 'airlock-range-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});

const realGit = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
const git = (directory: string, args: readonly string[], input: string | Buffer = ''): string =>
  execFileSync(realGit, args, {
    cwd: directory,
    input,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: root, GIT_CONFIG_NOSYSTEM: '1' },
  });

function repository(): {
  directory: string;
  blob: (text: string) => string;
  tree: (list: string) => string;
} {
  const directory = mkdtempSync(join(root, 'origin-'));
  git(directory, ['init', '--quiet', '--bare', '--initial-branch=main']);
  const written = (args: string[], input: string) => git(directory, args, input).trim();
  return {
    directory,
    blob: (text) => written(['hash-object', '-w', '--stdin'], text),
    tree: (list) => written(['mktree'], list),
  };
}

async function mirrorOf(directory: string) {
  const mirror = createMirror({
    ...{ directory: join(mkdtempSync(join(root, 'mirror-')), 'm.git'), url: directory },
    protocols: ['file'],
  });
  const { head } = await mirror.fetch();
  assert.ok(head !== null);
  return { mirror, head };
}

const person = 'Dana <dana@example.org> 1700000000 +0200';

test('a commit says of people, time and message what git reads in it, however it is written', async () => {
  const { directory, tree } = repository();
  const empty = tree('');
  const revert = 'a'.repeat(40);
  const written: [string, string][] = [
    ['', 'plain\n'],
    ['', 'two\nlines  \n\nbody\n'],
    ['', '\n\n  leading blanks\n\n\nbody\n\nmore'],
    ['', ''],
    ['', '\n'],
    ['', `Revert "x"\n\nThis reverts commit ${revert}.\n`],
    ['', `also\n\nThis reverts commit ${revert}, and\n\nThis reverts commit ${'b'.repeat(40)}.\n`],
    ['', `This reverts commit ${revert} in its title\n`],
    ['', `it says: This reverts commit ${revert}\n`],
    ['encoding ISO-8859-1\n', 'Gr\u00fc\u00dfe\n'],
    ['encoding no-such-encoding\n', 'ascii\n'],
    ['gpgsig -----BEGIN\n committer Eve <eve@example.org> 1 +0000\n -----END\n', 'signed\n'],
    ['x-note author Eve <eve@example.org> 1 +0000\n', 'further header\n'],
  ];
  let parent = '';
  const ids: string[] = [];
  for (const [place, [header, message]] of written.entries()) {
    const people = `author D\u00e4na von  X <d@example.org> 1600000000 -0130\ncommitter ${person.replace('1700000000', String(1_700_000_000 + place))}\n`;
    const text = `tree ${empty}\n${parent}${people}${header}\n${message}`;
    const bytes = Buffer.from(text, header.includes('8859') ? 'latin1' : 'utf8');
    const id = git(directory, ['hash-object', '-t', 'commit', '-w', '--stdin'], bytes).trim();
    parent = `parent ${id}\n`;
    ids.unshift(id);
  }
  git(directory, ['update-ref', 'refs/heads/main', ids[0] ?? '']);
  const { mirror, head } = await mirrorOf(directory);
  const format = '--format=%H%x00%an%x00%ae%x00%cn%x00%ce%x00%s%x00%ct';
  const said = git(directory, ['log', '-z', format]).replace(/\0$/, '').split('\0');
  const log = await mirror.log({ from: null, to: head, limit: 100 });
  assert.deepEqual(
    log.flatMap((one) => [
      ...[one.commit, one.authorName, one.authorEmail, one.committerName, one.committerEmail],
      ...[one.subject, String(Date.parse(one.committedAt) / 1000)],
    ]),
    said,
  );
  assert.equal(log.find(({ subject }) => subject === 'Gr\u00fc\u00dfe')?.commit, ids[3]);
  const root = ids.at(-1) ?? '';
  const words = ['--extended-regexp', '--grep=^This reverts commit', '--grep=^Revert "'];
  const reverts = await mirror.reverts({ from: root, to: head, limit: 10 });
  assert.deepEqual(
    reverts.map(({ commit }) => commit),
    git(directory, ['log', '--format=%H', ...words, `${root}..main`])
      .trim()
      .split('\n'),
  );
  assert.deepEqual(
    reverts.map(({ reverts: named }) => named.length),
    [0, 2, 1],
  );
});

test('an object that is not written as git writes commits is refused, and never half read', () => {
  const tree = `tree ${'1'.repeat(40)}\n`;
  const whole = `${tree}author ${person}\ncommitter ${person}\n\nx\n`;
  assert.equal(parseCommit('x', Buffer.from(whole)).author.email, 'dana@example.org');
  for (const wrong of [
    '',
    tree,
    whole.replace(/^author.*\n/m, ''),
    whole.replace(/^committer.*\n/m, ''),
    whole.replace(/^author.*\n/m, (author) => author + author),
    whole.replace('author Dana <', 'author Dana '),
    whole.replace('<dana', '<eve@example.org> <dana'),
    whole.replace('1700000000', 'soon'),
    `parent ${'2'.repeat(40)}\n${whole}`,
  ]) {
    assert.throws(() => parseCommit('x', Buffer.from(wrong)), { code: 'git-failed' }, wrong);
  }
  // A second committer behind the first is one that no check of git's sees; it changes nothing.
  const twice = whole.replace(/^committer.*\n/m, (one) => one + one.replace('dana@', 'eve@'));
  assert.equal(parseCommit('x', Buffer.from(twice)).committer.email, 'dana@example.org');
});

type Drawn = { readonly parents: readonly string[]; readonly committedAt: number };

const commitOf = (drawn: Drawn): CommitObject => ({
  ...drawn,
  tree: '',
  author: { name: '', email: '' },
  committer: { name: '', email: '' },
  ...{ subject: '', reverts: null, bytes: 1 },
});

function behind(history: ReadonlyMap<string, Drawn>, commit: string): Set<string> {
  const all = new Set([commit]);
  for (const each of all) for (const parent of history.get(each)?.parents ?? []) all.add(parent);
  return all;
}

/** Histories of up to 25 commits; `later`: no commit is older than one of its parents. */
const anyHistory = (later: boolean) =>
  fc
    .array(fc.tuple(fc.uniqueArray(fc.nat(24), { maxLength: 3 }), fc.nat(50)), {
      ...{ minLength: 1, maxLength: 25 },
    })
    .map((drawn) => {
      const history = new Map<string, Drawn>();
      for (const [place, [links, date]] of drawn.entries()) {
        const parents = [...new Set(links.filter((link) => link < place))].map(String);
        const dates = parents.map((parent) => history.get(parent)?.committedAt ?? 0);
        history.set(String(place), {
          parents,
          committedAt: later ? Math.max(0, ...dates) + (date % 3) : date,
        });
      }
      return history;
    });

const rangeIn = async (history: ReadonlyMap<string, Drawn>, from: string | null, to: string) => {
  const read = (commit: string): Promise<CommitObject> => {
    const drawn = history.get(commit);
    return drawn === undefined
      ? Promise.reject(new Error(`no ${commit}`))
      : Promise.resolve(commitOf(drawn));
  };
  const found = await commitRange(read, { from, to, limit: 1000 });
  return found.map(({ commit }) => commit);
};

test('whatever dates commits claim, none that is new is left out, and none is listed twice', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory(false), fc.nat(), async (history, pick) => {
      const [from, to] = [String(pick % history.size), String(history.size - 1)];
      const found = await rangeIn(history, from, to);
      const [all, old] = [behind(history, to), behind(history, from)];
      for (const commit of all) if (!old.has(commit)) assert.ok(found.includes(commit), commit);
      for (const commit of found) assert.ok(all.has(commit) && commit !== from, commit);
      assert.equal(new Set(found).size, found.length);
    }),
    { numRuns: 500 },
  );
});

test('with dates that do not run backwards exactly the new ones are listed, newest first', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory(true), fc.option(fc.nat()), async (history, pick) => {
      const from = pick === null ? null : String(pick % history.size);
      const to = String(history.size - 1);
      const found = await rangeIn(history, from, to);
      const old = from === null ? new Set() : behind(history, from);
      const right = [...behind(history, to)].filter((commit) => !old.has(commit));
      assert.deepEqual([...found].sort(), right.sort());
      const dates = found.map((commit) => history.get(commit)?.committedAt ?? 0);
      assert.deepEqual(
        dates,
        dates.toSorted((a, b) => b - a),
      );
    }),
    { numRuns: 500 },
  );
});

test('a range of real branches and merges is the one that git lists, in its order', async () => {
  const { directory } = repository();
  const [marks, dates] = [[] as string[], fc.sample(fc.nat(40), { numRuns: 120, seed: 7 })];
  const links = fc.sample(fc.nat(1000), { numRuns: 120, seed: 8 });
  for (const [place, date] of dates.entries()) {
    const merged = (links[place] ?? 0) % Math.max(1, place);
    const parents = place === 0 ? '' : `from :${place}\n${merged > 0 ? `merge :${merged}\n` : ''}`;
    marks.push(
      `commit refs/heads/main\nmark :${place + 1}\ncommitter Eve <eve@example.org> ${1_700_000_000 + place * 10 + date} +0000\ndata 1\nx\n${parents}\n`,
    );
  }
  git(directory, ['fast-import', '--quiet', '--force'], marks.join(''));
  const { mirror, head } = await mirrorOf(directory);
  const all = git(directory, ['rev-list', 'main']).trim().split('\n');
  for (const from of all) {
    const listed = git(directory, ['rev-list', `${from}..main`]).trim();
    assert.deepEqual(
      (await mirror.log({ from, to: head, limit: 1000 })).map(({ commit }) => commit).join('\n'),
      listed,
    );
  }
});

test('a git that lies about who wrote what and which files differ is not heard', async (t) => {
  const { directory, blob, tree } = repository();
  const [one, two] = [blob('one\n'), blob('two\n')];
  const first = `100644 blob ${one}\ta\n100644 blob ${one}\tlast\n100755 blob ${one}\tmode\n100644 blob ${one}\tsame\n120000 blob ${one}\ttype\n`;
  const trees = [
    first,
    `100644 blob ${two}\ta\n040000 tree ${tree(first)}\tdeep\n100644 blob ${one}\tmode\n100644 blob ${one}\tsame\n100644 blob ${one}\ttype\n`,
  ];
  let parent = '';
  for (const [place, list] of trees.entries()) {
    const text = `tree ${tree(list)}\n${parent}author ${person}\ncommitter ${person}\n\ncommit ${place}\n`;
    parent = `parent ${git(directory, ['hash-object', '-t', 'commit', '-w', '--stdin'], text).trim()}\n`;
  }
  const main = parent.slice(7, 47);
  git(directory, ['update-ref', 'refs/heads/main', main]);
  const { mirror, head } = await mirrorOf(directory);
  const from = git(directory, ['rev-parse', 'main~1']).trim();
  const range = { from, to: head };
  const honest = {
    log: await mirror.log({ ...range, limit: 10 }),
    files: await mirror.changedFiles(range),
    all: await mirror.allFiles(head),
  };
  assert.deepEqual(
    honest.files.map(({ path, status }) => `${status} ${path}`),
    git(directory, ['diff-tree', '-r', '--name-status', '--no-renames', from, head])
      .trim()
      .split('\n')
      .map((line) => line.replace('\t', ' ')),
  );
  assert.deepEqual(
    honest.log.map(({ subject }) => subject),
    ['commit 1'],
  );
  const bin = join(root, 'bin');
  mkdirSync(bin);
  const lie = `#!/bin/sh\ncase "$*" in *" cat-file --batch") exec ${realGit} "$@";; esac\nprintf '9\\t9\\ta\\0009\\t9\\tno-such-file\\000'\n`;
  writeFileSync(join(bin, 'git'), lie);
  chmodSync(join(bin, 'git'), 0o755);
  const path = process.env['PATH'];
  t.after(() => {
    process.env['PATH'] = path;
  });
  process.env['PATH'] = `${bin}:${path}`;
  assert.deepEqual(await mirror.log({ ...range, limit: 10 }), honest.log);
  assert.deepEqual(await mirror.allFiles(head), honest.all);
  const files = await mirror.changedFiles(range);
  const named = (list: typeof files) => list.map(({ path: name, status }) => ({ name, status }));
  assert.deepEqual(named(files), named(honest.files));
  // Line counts are git's own, and decide nothing.
  assert.deepEqual([files[0]?.added, files[1]?.added], [9, null]);
});

test('a commit of the range that is gone from the mirror or is another object ends in an error', async () => {
  const read = (): Promise<CommitObject> => Promise.reject(new GitError('git-failed', 'it lacks'));
  await assert.rejects(commitRange(read, { from: null, to: 'a', limit: 1 }), {
    code: 'git-failed',
  });
  const { directory, tree } = repository();
  const text = `tree ${tree('')}\nauthor ${person}\ncommitter ${person}\n\nx\n`;
  const id = git(directory, ['hash-object', '-t', 'commit', '-w', '--stdin'], text).trim();
  git(directory, ['update-ref', 'refs/heads/main', id]);
  const { mirror, head } = await mirrorOf(directory);
  const range = { from: '1'.repeat(40), to: head, limit: 10 };
  await assert.rejects(mirror.log(range), /the mirror lacks commit 1111/);
  await assert.rejects(mirror.changedFiles(range));
});

test('of a long range a git that lists nothing, other commits or none that there are changes nothing', async (t) => {
  const { directory } = repository();
  const marks = Array.from(
    { length: 700 },
    (_, place) =>
      `commit refs/heads/main\ncommitter Eve <eve@example.org> ${1_700_000_000 + place} +0000\ndata 1\nx\n\n`,
  );
  git(directory, ['fast-import', '--quiet', '--force'], marks.join(''));
  const all = git(directory, ['rev-list', 'main']).trim().split('\n');
  const bin = mkdtempSync(join(root, 'lies-'));
  const path = process.env['PATH'];
  t.after(() => {
    process.env['PATH'] = path;
  });
  const { mirror, head } = await mirrorOf(directory);
  const read = async () =>
    (await mirror.log({ from: null, to: head, limit: 1000 })).map(({ commit }) => commit);
  assert.deepEqual(await read(), all);
  for (const lie of [
    'exit 0',
    'exit 1',
    `yes ${'1'.repeat(40)} | head -n 700`,
    `yes ${all[699]} | head -n 700`,
  ]) {
    const script = `#!/bin/sh\ncase "$*" in *rev-list*) ${lie}; exit;; esac\nexec ${realGit} "$@"\n`;
    writeFileSync(join(bin, 'git'), script, { mode: 0o755 });
    process.env['PATH'] = `${bin}:${path}`;
    assert.deepEqual(await read(), all, lie);
  }
});
