import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import {
  createCatalogue,
  hostCatalogue,
  ImageEntry,
  imagesDigest,
  readCatalogue,
  type CatalogueImage,
} from './catalogue.ts';
import { treeDigest } from './tree-digest.ts';

const parent = mkdtempSync(join(tmpdir(), 'catalogue-'));
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(parent, 'root-'));
  mkdirSync(join(root, 'bin'));
  writeFileSync(join(root, 'bin/sh'), 'a shell');
  symlinkSync('bin', join(root, 'sbin'));
});
after(() => {
  rmSync(parent, { recursive: true });
});

const machine = 'e'.repeat(64);
const image = (listedAs: string, digest?: string): CatalogueImage => ({
  listedAs,
  root: digest === undefined ? { kind: 'host' } : { kind: 'directory', path: '/x', digest },
  entrypoint: [],
  plugin: false,
});
const entry = (value: object): ImageEntry => ImageEntry.parse(value);

test('a pattern of the catalogue matches whole names: * within a part of the path, ** across', () => {
  const catalogue = createCatalogue([image('node:*'), image('registry.example/team/**')]);
  const listed = (name: string): boolean => catalogue.find(name).listed;
  assert.deepEqual(
    ['node:24', 'node:', 'xnode:24', 'node:24/x', 'node.24', 'registry.example/team/a/b:1'].map(
      listed,
    ),
    [true, true, false, false, false, true],
  );
});

test('the first entry that matches counts', () => {
  const catalogue = createCatalogue([image('node:24', 'a'.repeat(64)), image('node:*')]);
  const found = catalogue.find('node:24');
  assert.ok(found.listed && found.image.root.kind === 'directory');
});

test('an image that is not listed is refused by name, with those that are', () => {
  const found = createCatalogue([image('node:24'), image('bash')]).find('evil:latest');
  assert.ok(!found.listed);
  assert.match(found.reason, /^image evil:latest is not in the catalogue .*node:24, bash/);
});

test('a shell leads to the first entry unless an entry names it', () => {
  const plain = createCatalogue([image('node:24', 'a'.repeat(64))]).find('/bin/sh');
  assert.ok(plain.listed && plain.image.listedAs === 'node:24');
  const named = createCatalogue([image('node:24'), image('bash')]).find('bash');
  assert.ok(named.listed && named.image.listedAs === 'bash');
});

test('a catalogue without an image is refused, and says how to write one', async () => {
  await assert.rejects(readCatalogue([], 'bubblewrap'), {
    code: 'configuration-refused',
    message: /images: no image is listed.*root: host/,
  });
});

test('the digest of a tree follows names, contents, links and modes, and no time', async () => {
  const first = await treeDigest(root);
  utimesSync(join(root, 'bin/sh'), 1, 1);
  assert.equal(await treeDigest(root), first);
  const changes: (() => void)[] = [
    () => {
      writeFileSync(join(root, 'bin/sh'), 'b shell');
    },
    () => {
      chmodSync(join(root, 'bin/sh'), 0o4755);
    },
    () => {
      renameSync(join(root, 'bin/sh'), join(root, 'bin/shell'));
    },
    () => {
      rmSync(join(root, 'sbin'));
      symlinkSync('usr/bin', join(root, 'sbin'));
    },
    () => {
      mkdirSync(join(root, 'empty'));
    },
  ];
  const seen = new Set([first]);
  for (const change of changes) {
    change();
    seen.add(await treeDigest(root));
  }
  assert.equal(seen.size, changes.length + 1);
});

test('a root with another digest than its entry says is refused, with both', async () => {
  const digest = await treeDigest(root);
  const pinned = entry({ image: 'node:24', root, digest: `sha256:${digest}` });
  const [read] = (await readCatalogue([pinned], 'bubblewrap')).images;
  assert.deepEqual(read?.root, { kind: 'directory', path: root, digest });
  writeFileSync(join(root, 'bin/sh'), 'swapped');
  await assert.rejects(readCatalogue([pinned], 'bubblewrap'), (error: Error) => {
    assert.match(
      error.message,
      new RegExp(`^images\\.0 \\(node:24\\): sha256:${digest} is pinned`),
    );
    return true;
  });
});

test('an entry that means nothing to the isolation is refused, and not ignored', async () => {
  const container = entry({ image: 'node:24', container: `node@sha256:${'a'.repeat(64)}` });
  await assert.rejects(readCatalogue([container], 'bubblewrap'), /cannot use container/);
  const directory = entry({ image: 'node:24', root });
  for (const mode of ['podman', 'user', 'none'] as const) {
    await assert.rejects(readCatalogue([directory], mode), /cannot use root/);
  }
  await assert.rejects(
    readCatalogue([entry({ image: 'x', root: 'host' })], 'podman'),
    /cannot use root: host/,
  );
});

test('a root that is absent or has no shell is refused', async () => {
  const absent = join(root, 'absent');
  await assert.rejects(readCatalogue([entry({ image: 'x', root: absent })], 'bubblewrap'), (e) =>
    String(e).includes(`${absent} is not a directory`),
  );
  rmSync(join(root, 'bin/sh'));
  await assert.rejects(readCatalogue([entry({ image: 'x', root })], 'bubblewrap'), /no bin\/sh/);
});

test('an entry gives a root or a container, a container by digest, and a plugin its program', () => {
  for (const value of [
    { image: 'x' },
    { image: 'x', root: 'host', container: `x@sha256:${'a'.repeat(64)}` },
    { image: 'x', container: 'x:latest' },
    { image: 'x', root: 'host', plugin: true },
  ]) {
    assert.equal(ImageEntry.safeParse(value).success, false, JSON.stringify(value));
  }
});

test('the software of a job is its one image, the machine, or the list of what its steps saw', () => {
  const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
  const catalogue = createCatalogue([image('one', a), image('two', b), image('machine')]);
  assert.equal(imagesDigest(catalogue, ['one', 'one'], machine), a);
  assert.equal(imagesDigest(catalogue, ['machine'], machine), machine);
  const both = imagesDigest(catalogue, ['one', 'two'], machine);
  assert.ok(![a, b, machine].includes(both));
  assert.equal(imagesDigest(catalogue, ['two', 'one', 'one'], machine), both);
  assert.notEqual(imagesDigest(catalogue, ['one', 'machine'], machine), both);
  assert.equal(imagesDigest(hostCatalogue, ['anything'], machine), machine);
});
