import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { createMirrors } from '../adapters/git/mirrors.ts';
import type { NewerCommits } from '../domain/newer.ts';
import type { Promotion } from '../domain/promotion.ts';
import type { Mirror } from './intake-ports.ts';
import { noteNewer } from './note-newer.ts';
import { readDelta } from './read-delta.ts';

const root = mkdtempSync(join(tmpdir(), 'airlock-delta-'));
const origin = join(root, 'shop');
after(() => {
  rmSync(root, { recursive: true, force: true });
});

const git = (...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=Dana', '-c', 'user.email=dana@example.com', ...args], {
    cwd: origin,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: root, GIT_CONFIG_NOSYSTEM: '1' },
  }).trim();

function commit(message: string, files: Readonly<Record<string, string>>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(origin, path)), { recursive: true });
    writeFileSync(join(origin, path), content);
  }
  git('add', '--all');
  git('commit', '--quiet', '--allow-empty', '-m', message);
  return git('rev-parse', 'HEAD');
}

const lock = (packages: Record<string, string>) =>
  JSON.stringify({
    lockfileVersion: 3,
    packages: Object.fromEntries(
      Object.entries(packages).map(([name, version]) => [`node_modules/${name}`, { version }]),
    ),
  });

let mirror: Mirror;
let live: string;
let release: string;

before(async () => {
  mkdirSync(origin);
  git('init', '--quiet', '--initial-branch=main');
  live = commit('first', { 'package-lock.json': lock({ a: '1.0.0', old: '1.0.0' }) });
  commit('orders: VAT per line', {
    'db/migrations/2.up.sql': 'alter table orders drop column vat;',
    'db/migrations/2.down.sql': 'select 1;',
  });
  release = commit('shop: new cart', {
    'package-lock.json': lock({ a: '1.1.0', fresh: '0.1.0' }),
    '.github/CODEOWNERS': '* @shop\n/db/ @dba\n',
    'web/yarn.lock': Buffer.from([0xff, 0xfe]).toString('latin1'),
  });
  const found = createMirrors([
    {
      ...{ repository: origin, directory: join(root, 'shop.git'), protocols: ['file'] },
      ...{ isolation: 'none', maxBytes: 10 ** 8, timeoutSeconds: 20 },
    },
  ])(origin);
  assert.ok(found);
  mirror = found;
  await mirror.fetch();
});

test('packages, migrations and owners of a release are read from the mirror', async () => {
  const delta = await readDelta(mirror, {
    base: { commit: live, release: 'r1' },
    commit: release,
  });
  assert.ok(delta?.details);
  const { dependencies, migrations, owners } = delta.details;
  assert.deepEqual(
    dependencies.list.map(({ name, from, to }) => [name, from, to]),
    [
      ['fresh', null, '0.1.0'],
      ['a', '1.0.0', '1.1.0'],
      ['old', '1.0.0', null],
    ],
  );
  assert.deepEqual(migrations, {
    count: 1,
    list: [
      {
        path: 'db/migrations/2.up.sql',
        status: 'A',
        undo: 'db/migrations/2.down.sql',
        warns: ['drop column'],
      },
    ],
  });
  assert.deepEqual(owners, [
    { owner: '@shop', files: 3 },
    { owner: '@dba', files: 2 },
  ]);
});

test('the same two commits are read once, and come to the same', async () => {
  let read = 0;
  const counted: Mirror = {
    ...mirror,
    readBlob(at, path) {
      read += 1;
      return mirror.readBlob(at, path);
    },
  };
  const range = { base: { commit: live, release: 'r1' }, commit: release };
  const first = await readDelta(counted, range);
  const after = read;
  assert.ok(after > 0);
  assert.deepEqual(await readDelta(counted, range), first);
  assert.equal(read, after);
});

test('a newer commit that takes back what is about to ship is noted, and so is a new head', async () => {
  git('revert', '--no-edit', release);
  const revert = git('rev-parse', 'HEAD');
  const head = commit('Revert "orders: VAT per line" (#9)', { 'x.txt': 'x' });
  await mirror.fetch();
  const notes = new Map<string, NewerCommits>();
  const waiting = [
    {
      ...{ id: 'prm_1', repository: origin, commit: release },
      delta: { base: { commit: live, release: 'r1' } },
    } as unknown as Promotion,
  ];
  const look = () =>
    noteNewer({
      promotions: { inState: () => Promise.resolve(waiting) },
      newer: {
        of: (id) => Promise.resolve(notes.get(id) ?? null),
        put: (id, newer) => Promise.resolve(void notes.set(id, newer)),
      },
      mirror: () => mirror,
    });
  await look();
  const noted = notes.get('prm_1');
  assert.ok(noted);
  assert.deepEqual(
    noted.reverts.map(({ commit: by, of }) => [by, of.subject]),
    [
      [head, 'orders: VAT per line'],
      [revert, 'shop: new cart'],
    ],
  );
  assert.deepEqual([noted.total, noted.head], [2, head]);
  const later = commit('later', { 'y.txt': 'y' });
  await mirror.fetch();
  await look();
  const { total, head: main } = notes.get('prm_1') ?? {};
  assert.deepEqual([total, main], [3, later]);
});
