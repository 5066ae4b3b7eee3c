import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filesByOwner, readCodeOwners } from './code-owners.ts';
import { dependenciesOf, listedDependencies } from './dependencies.ts';
import { isLockfile, LockfileError, readLockfile } from './lockfile.ts';
import { isMigration, migrationsOf } from './migrations.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const locked = (path: string, text: string) =>
  Object.fromEntries(
    [...readLockfile(path, bytes(text))].map(([name, versions]) => [name, [...versions]]),
  );

const lockfiles: readonly [path: string, text: string, expected: Record<string, string[]>][] = [
  [
    'package-lock.json',
    JSON.stringify({
      lockfileVersion: 3,
      packages: {
        '': { name: 'shop' },
        'packages/own': { version: '1.0.0' },
        'node_modules/own': { link: true, resolved: 'packages/own' },
        'node_modules/a': { version: '1.2.3' },
        'node_modules/b/node_modules/a': { version: '2.0.0' },
        'node_modules/@s/c': { version: '3.0.0' },
        'node_modules/alias': { name: 'real', version: '4.0.0' },
        'node_modules/git': { version: '0.0.0', resolved: 'git+ssh://git@h/x.git#abc' },
      },
    }),
    {
      a: ['1.2.3', '2.0.0'],
      '@s/c': ['3.0.0'],
      real: ['4.0.0'],
      git: ['git+ssh://git@h/x.git#abc'],
    },
  ],
  [
    'web/package-lock.json',
    JSON.stringify({
      lockfileVersion: 1,
      dependencies: { a: { version: '1.0.0', dependencies: { b: { version: '2.0.0' } } } },
    }),
    { a: ['1.0.0'], b: ['2.0.0'] },
  ],
  [
    'pnpm-lock.yaml',
    "lockfileVersion: '9.0'\n\nimporters:\n  .:\n    dependencies: {}\npackages:\n\n  a@1.0.0:\n    resolution: {integrity: x}\n  '@s/b@2.0.0(peer@1.0.0)':\n    resolution: {integrity: x}\n  /old/3.0.0:\n    dev: true\nsnapshots:\n  c@1.0.0: {}\n",
    { a: ['1.0.0'], '@s/b': ['2.0.0'], old: ['3.0.0'] },
  ],
  [
    'yarn.lock',
    '# yarn lockfile v1\n\na@^1.0.0, a@~1.1.0:\n  version "1.1.5"\n  resolved "https://r/a"\n\n"@s/b@npm:^2":\n  version: 2.0.1\n\n"own@workspace:.":\n  version: 0.0.0-use.local\n',
    { a: ['1.1.5'], '@s/b': ['2.0.1'] },
  ],
  [
    'Cargo.lock',
    'version = 4\n\n[[package]]\nname = "serde"\nversion = "1.0.200"\nsource = "registry"\n\n[[package]]\nname = "serde"\nversion = "0.9.0"\n[metadata]\nname = "x"\nversion = "1"\n',
    { serde: ['1.0.200', '0.9.0'] },
  ],
  [
    'go.sum',
    'example.com/a v1.0.0 h1:x=\nexample.com/a v1.0.0/go.mod h1:y=\nexample.com/b v0.1.0/go.mod h1:z=\n',
    { 'example.com/a': ['v1.0.0'] },
  ],
  [
    'composer.lock',
    JSON.stringify({ packages: [{ name: 'v/a', version: 'v1.0' }], 'packages-dev': [] }),
    { 'v/a': ['v1.0'] },
  ],
  [
    'Gemfile.lock',
    'GEM\n  remote: https://rubygems.org/\n  specs:\n    rack (3.0.8)\n    rails (7.1.0)\n      rack (>= 2.2)\n\nDEPENDENCIES\n  rails\n',
    { rack: ['3.0.8'], rails: ['7.1.0'] },
  ],
  [
    'requirements.txt',
    '# pins\nFlask_Login==0.6.3 \\\n    --hash=sha256:aa\nrequests[socks]>=2 # wish\n-r other.txt\n',
    { 'flask-login': ['0.6.3'], requests: ['>=2'] },
  ],
];
for (const [path, text, expected] of lockfiles) {
  test(`${path} is read`, () => {
    assert.deepEqual(locked(path, text), expected);
  });
}

test('a lockfile of a vendored tree is none, and neither is a file that ends like one', () => {
  assert.ok(isLockfile('services/web/Cargo.lock'));
  assert.ok(!isLockfile('vendor/x/Cargo.lock'));
  assert.ok(!isLockfile('node_modules/a/package-lock.json'));
  assert.ok(!isLockfile('my-package-lock.json'));
});

test('a lockfile that cannot be read is named, and never taken for an empty one', () => {
  for (const [path, text] of [
    ['package-lock.json', '{'],
    ['package-lock.json', '[]'],
    ['package-lock.json', '{"packages":{"node_modules/a":1}}'],
    ['pnpm-lock.yaml', 'packages:\n  a@1:\n'],
    ['composer.lock', '{"packages":{}}'],
    ['go.sum', 'one-word\n'],
  ] as const) {
    assert.throws(() => readLockfile(path, bytes(text)), LockfileError, text);
    const { unread, list } = dependenciesOf([{ path, before: null, after: bytes(text) }]);
    assert.deepEqual([unread.map(({ lockfile }) => lockfile), list], [[path], []]);
  }
  const large = dependenciesOf([{ path: 'go.sum', before: null, after: 'too-large' }]);
  assert.deepEqual(large.unread, [{ lockfile: 'go.sum', why: 'too large to be read' }]);
});

test('new packages come first, then moved ones, then those that are gone; all are counted', () => {
  const before = bytes('a v1 h\nb v1 h\nc v1 h\n');
  const after = bytes('b v2 h\nc v1 h\nd v1 h\n');
  const { list, added, changed, removed } = dependenciesOf([{ path: 'go.sum', before, after }]);
  assert.deepEqual(
    list.map(({ name, from, to }) => [name, from, to]),
    [
      ['d', null, 'v1'],
      ['b', 'v1', 'v2'],
      ['a', 'v1', null],
    ],
  );
  assert.deepEqual([added, changed, removed], [1, 1, 1]);
  const many = bytes(
    Array.from({ length: listedDependencies + 5 }, (_, at) => `m${at} v1 h`).join('\n'),
  );
  const flood = dependenciesOf([{ path: 'go.sum', before: null, after: many }]);
  assert.deepEqual([flood.added, flood.list.length], [listedDependencies + 5, listedDependencies]);
});

test('a lockfile of names that are members of every object is read as any other', () => {
  const text = JSON.stringify({
    packages: { 'node_modules/constructor': { version: '1.0.0' } },
  });
  assert.deepEqual([...readLockfile('package-lock.json', bytes(text)).keys()], ['constructor']);
});

test('migrations of the tools that people use are known, their tests are none', () => {
  for (const path of [
    'prisma/migrations/0001_init/migration.sql',
    'db/migrate/20260101_add.rb',
    'app/migrations/0002_x.py',
    'sql/V12__add_vat.sql',
    'alembic/versions/abc_add.py',
  ]) {
    assert.ok(isMigration(path), path);
  }
  for (const path of [
    'src/migrations/run.test.ts',
    'app/migrations/__init__.py',
    'migrations/README.md',
    'docs/immigration/x.sql',
    'v1__x.sql',
  ]) {
    assert.ok(!isMigration(path), path);
  }
});

test('a migration says whether something undoes it and what cannot be taken back', () => {
  const files = [
    { path: 'db/migrations/1.up.sql', status: 'A' },
    { path: 'db/migrations/1.down.sql', status: 'A' },
    { path: 'db/migrations/2.up.sql', status: 'A' },
    { path: 'sql/V3__x.sql', status: 'M' },
  ];
  const { count, list } = migrationsOf(
    files,
    new Map<string, string | null>([
      ['db/migrations/1.up.sql', 'CREATE TABLE a (); -- DROP TABLE b\n/* truncate c */'],
      [
        'db/migrations/2.up.sql',
        'ALTER TABLE orders\n  DROP vat; alter table a drop constraint x; alter table a alter b type text',
      ],
      ['sql/V3__x.sql', null],
    ]),
  );
  assert.equal(count, 3);
  assert.deepEqual(
    list.map(({ path, undo, warns }) => [path, undo, warns]),
    [
      ['db/migrations/1.up.sql', 'db/migrations/1.down.sql', []],
      ['db/migrations/2.up.sql', null, ['drop column', 'change type']],
      ['sql/V3__x.sql', null, ['too large to be looked into']],
    ],
  );
  const constraint = migrationsOf(
    [{ path: 'sql/V1__x.sql', status: 'A' }],
    new Map([['sql/V1__x.sql', 'alter table a drop constraint x']]),
  );
  assert.deepEqual(constraint.list[0]?.warns, []);
});

test('the last row of CODEOWNERS that matches says whose a file is', () => {
  const ownersOf = readCodeOwners(
    '# all\n*       @all\n/infra/ @ops @sec  # both\n*.sql   @dba\ndocs/*  @docs\n/src/{odd}.ts @odd\n/free.md\n[Section] @none\n',
  );
  for (const [path, owners] of [
    ['README.md', ['@all']],
    ['infra/a/b.tf', ['@ops', '@sec']],
    ['infra/x.sql', ['@dba']],
    ['deep/x.sql', ['@dba']],
    ['docs/a.md', ['@docs']],
    ['docs/a/b.md', ['@all']],
    ['src/odd.ts', ['@all']],
    ['src/{odd}.ts', ['@odd']],
    ['free.md', []],
  ] as const) {
    assert.deepEqual(ownersOf(path), owners, path);
  }
  assert.deepEqual(filesByOwner(['infra/a', 'infra/b', 'x', 'free.md'], ownersOf), [
    { owner: '@ops', files: 2 },
    { owner: '@sec', files: 2 },
    { owner: '', files: 1 },
    { owner: '@all', files: 1 },
  ]);
});

// A quadratic expression takes minutes for these.
test('text made to keep an expression busy is read', { timeout: 30_000 }, () => {
  const size = 1_000_000;
  for (const text of [
    '/*'.repeat(size / 2),
    `drop${' '.repeat(size)}x`,
    'alter table '.repeat(size / 12),
  ]) {
    const { count } = migrationsOf(
      [{ path: 'sql/V1__x.sql', status: 'A' }],
      new Map([['sql/V1__x.sql', text]]),
    );
    assert.equal(count, 1);
  }
  for (const path of ['requirements.txt', 'yarn.lock', 'Gemfile.lock', 'Cargo.lock']) {
    for (const text of [`a${' '.repeat(size)}b`, ':'.repeat(size), `a [${'['.repeat(size)}`]) {
      assert.ok(readLockfile(path, bytes(text)).size <= 1, path);
    }
  }
});
