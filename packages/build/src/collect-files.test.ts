import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { probeSandbox } from '@airlock/sandbox/probe';
import { collectFiles, type Collected, type CollectOptions } from './collect-files.ts';
import { bubblewrapIsolation } from './isolation/bubblewrap.ts';
import type { Isolation } from './isolation/isolation.ts';
import { noIsolation } from './isolation/none.ts';

const probe = await probeSandbox();
const isolations: [string, Isolation][] = [
  ['none', noIsolation(null)],
  ...(probe.available
    ? ([['bubblewrap', bubblewrapIsolation({ nodeBinary: null })]] as [string, Isolation][])
    : []),
];

const parent = join(process.cwd(), '.test');
let root: string;
before(() => {
  mkdirSync(parent, { recursive: true });
  root = mkdtempSync(join(parent, 'collect-'));
});
after(() => {
  rmSync(root, { recursive: true });
});

function workspace(files: Readonly<Record<string, string | Buffer>>): string {
  const path = join(mkdtempSync(join(root, 'job-')), 'build');
  mkdirSync(path);
  for (const [name, bytes] of Object.entries(files)) {
    mkdirSync(join(path, name, '..'), { recursive: true });
    writeFileSync(join(path, name), bytes);
  }
  return path;
}

function collect(
  isolation: Isolation,
  path: string,
  change: Partial<CollectOptions> = {},
): Promise<Collected> {
  return collectFiles({
    ...{ isolation, workspace: path, directory: null, roots: ['out'] },
    wanted: (name) => name.endsWith('.xml'),
    limits: { files: 4, fileBytes: 100_000, totalBytes: 150_000 },
    to: (index) => join(path, '..', `kept-${index}`),
    signal: new AbortController().signal,
    ...change,
  });
}

const kept = ({ files }: Collected): [string, string][] =>
  files.map(({ path, file }) => [path, readFileSync(file, 'utf8')]);

for (const [mode, isolation] of isolations) {
  test(`${mode}: wanted files come out byte for byte, in the order of their names`, async () => {
    const bytes = Buffer.from(Array.from({ length: 90_000 }, (_, index) => index % 256));
    const path = workspace({
      'out/b c.xml': bytes,
      'out/a\'"$(x)/-n.xml': '12\n-\n+\n',
      'out/empty.xml': '',
      'out/other.txt': 'other',
      'elsewhere/a.xml': 'not below a root',
    });
    const found = await collect(isolation, path);
    assert.deepEqual(
      found.files.map(({ path: name, size }) => [name, size]),
      [
        ['out/a\'"$(x)/-n.xml', 7],
        ['out/b c.xml', 90_000],
        ['out/empty.xml', 0],
      ],
    );
    assert.deepEqual(readFileSync(found.files[1]?.file ?? ''), bytes);
    assert.deepEqual(found.left, []);
  });

  test(`${mode}: no link leads out, whether of a file, of a directory or above a root`, async () => {
    const path = workspace({ 'out/real.xml': 'real', 'more/x.xml': 'x' });
    symlinkSync('/etc/passwd', join(path, 'out/link.xml'));
    symlinkSync('../more', join(path, 'out/directory'));
    symlinkSync('/etc', join(path, 'etc'));
    execFileSync('mkfifo', [join(path, 'out/pipe.xml')]);
    const roots = ['out', 'etc', 'etc/passwd', 'nowhere'];
    const found = await collect(isolation, path, { roots, wanted: () => true });
    assert.deepEqual(kept(found), [['out/real.xml', 'real']]);
  });

  test(`${mode}: what is too many or too large is left and named`, async () => {
    const path = workspace({
      'out/0.xml': Buffer.alloc(100_001),
      'out/1.xml': '1',
      'out/2.xml': '2',
    });
    const limits = { files: 2, fileBytes: 100_000, totalBytes: 150_000 };
    const found = await collect(isolation, path, { limits });
    assert.deepEqual(kept(found), [['out/1.xml', '1']]);
    assert.deepEqual(found.left, [
      'out/2.xml was not kept: at most 2 files are',
      'out/0.xml was not kept: it has more than 100000 bytes',
    ]);
  });

  test(`${mode}: files that are too large together are refused`, async () => {
    const path = workspace({
      'out/0.xml': Buffer.alloc(90_000),
      'out/1.xml': Buffer.alloc(90_000),
    });
    await assert.rejects(collect(isolation, path), /more than 150000 bytes together/);
  });

  test(`${mode}: a file whose name has a line break is nobody’s to name`, async () => {
    const path = workspace({ 'out/a\nb.xml': 'x', 'out/c.xml': 'c' });
    assert.deepEqual(kept(await collect(isolation, path)), [['out/c.xml', 'c']]);
  });
}
