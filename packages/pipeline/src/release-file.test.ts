import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expandVersion, parseReleaseFile, reproduceWish } from './release-file.ts';
import { formatFault } from './yaml-file.ts';

const good = `version: 1
artifacts:
  web:
    workflow: woodpecker
    path: dist/web.tar.gz
    maxSize: 20MiB
releases:
  web:
    artifacts: [web]
    version: "main-\${CI_COMMIT_SHA:0:12}"
    promote:
      - target: prod-eu
      - target: prod-us
`;

test('the artifact’s name is the last part of its path', () => {
  const parsed = parseReleaseFile(good);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  assert.deepEqual(parsed.value, {
    artifact: {
      key: 'web',
      place: { line: 3, column: 3 },
      workflow: { name: 'woodpecker', place: { line: 4, column: 15 } },
      fileName: 'web.tar.gz',
      path: 'dist/web.tar.gz',
      maxBytes: 20 * 1024 ** 2,
      reproduce: 1,
    },
    release: {
      name: 'web',
      artifacts: ['web'],
      requires: [],
      version: 'main-${CI_COMMIT_SHA:0:12}',
      targets: ['prod-eu', 'prod-us'],
    },
  });
});

test('a version template takes twelve digits of the commit', () => {
  assert.equal(
    expandVersion('main-${CI_COMMIT_SHA:0:12}', 'a'.repeat(40)),
    `main-${'a'.repeat(12)}`,
  );
});

test('the wish for more builders is read; without one it is one, and a mistake is never fewer', () => {
  const wishing = good.replace('maxSize: 20MiB', 'reproduce: 2');
  assert.deepEqual(
    [null, good, wishing, wishing.replace('2', 'two'), '{'].map(reproduceWish),
    [1, 1, 2, 8, 8],
  );
});

const refused: [name: string, from: string, to: string, expected: RegExp][] = [
  ['another version', 'version: 1', 'version: 2', /:1:10: version: expected 1/],
  ['no version', 'version: 1\n', '', /version: missing/],
  [
    'a path out of the tree',
    'dist/web.tar.gz',
    '../web',
    /artifacts\.web\.path: expected a relative/,
  ],
  ['an absolute path', 'dist/web.tar.gz', '/etc/passwd', /expected a relative path/],
  ['a path that ends in a slash', 'dist/web.tar.gz', 'dist/', /the file’s name has letters/],
  ['a size without unit', '20MiB', '20000', /expected a size such as 200MiB/],
  [
    'another variable',
    'CI_COMMIT_SHA:0:12',
    'CI_COMMIT_AUTHOR',
    /CI_COMMIT_BRANCH, not CI_COMMIT_AUTHOR/,
  ],
  ['a version that is no name', 'main-', 'main/', /expected letters, digits/],
  ['a version without the commit', 'main-${CI_COMMIT_SHA:0:12}', 'v1', /must be part of it/],
  ['a release of something else', 'artifacts: [web]', 'artifacts: [api]', /expected \[web\]/],
  ['a target twice', 'prod-us', 'prod-eu', /prod-eu stands here twice/],
  [
    'an automatic promotion',
    '- target: prod-us',
    '- auto: true',
    /a person asks for every promotion/,
  ],
  ['an unknown key', '    path:', '    paht:', /unknown key `paht`/],
  [
    'more builders than there can be',
    'maxSize: 20MiB',
    'reproduce: 9',
    /a number of builders, 1 to 8/,
  ],
  ['builders in words', 'maxSize: 20MiB', 'reproduce: two', /a number of builders, 1 to 8/],
];
for (const [name, from, to, expected] of refused) {
  test(`refused: ${name}`, () => {
    const parsed = parseReleaseFile(good.replace(from, to));
    if (parsed.ok) assert.fail('it was accepted');
    const faults = parsed.faults.map((fault) => formatFault('f', fault));
    assert.match(faults.join('\n'), expected);
  });
}
