import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { after, test } from 'node:test';
import { createContentStore } from '@airlock/artifacts/content-store';
import { ArtifactError } from '@airlock/artifacts/spool';
import { tarMember, tarOf, type BuiltMember } from '@airlock/artifacts/testing/tar-builder';
import fc from 'fast-check';
import { createArtifactReader } from '../adapters/files/artifact-reader.ts';
import { wholeCopies } from '../adapters/files/whole-copies.ts';
import { ArtifactDelta, listedArtifactFiles } from '../domain/changes/artifact-delta.ts';
import { maxImageBytes } from '../domain/changes/image.ts';
import { maxSbomBytes } from '../domain/changes/sbom.ts';
import { digestOfDelta, makeDelta } from '../domain/delta.ts';
import { noDetails } from '../testing/delta-details.ts';
import { withArtifact, type ArtifactReader } from './read-artifact-delta.ts';

const root = mkdtempSync(join(tmpdir(), 'airlock-artifact-delta-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});
const store = createContentStore(root);
const reader = createArtifactReader(store);
const plainDelta = makeDelta({ base: null, commits: [], files: [], details: noDetails });

async function keep(bytes: Buffer): Promise<string> {
  async function* once(): AsyncGenerator<Buffer> {
    yield await Promise.resolve(bytes);
  }
  return (await store.put(once(), { maxBytes: 100_000_000 })).digest;
}

async function compare(
  before: Buffer | null,
  is: Buffer,
  through: ArtifactReader = reader,
): Promise<ArtifactDelta> {
  const live = before === null ? null : { artifactDigest: await keep(before) };
  const delta = await withArtifact(plainDelta, through, { live, artifactDigest: await keep(is) });
  assert.ok(delta.artifact);
  return delta.artifact;
}

const told = ({ list }: ArtifactDelta): string[] =>
  list.map(({ path, change }) => `${change} ${path}`);

test('what is new, changed and gone is told with sizes and permissions, programs first', async () => {
  const delta = await compare(
    gzipSync(
      tarOf(
        { name: 'same', content: 'x' },
        { name: 'app.js', content: 'one' },
        { name: 'run.sh', content: 'echo' },
        { name: 'old', content: 'x' },
      ),
    ),
    tarOf(
      { name: 'new', content: 'x' },
      { name: 'run.sh', content: 'echo', mode: 0o755 },
      { name: 'app.js', content: 'three' },
      { name: './same', content: 'x' },
      { name: 'pool', content: 'x', mode: 0o666 },
    ),
  );
  assert.deepEqual(told(delta), [
    'added pool',
    'changed run.sh',
    'added new',
    'changed app.js',
    'removed old',
  ]);
  const { unread, files, added, removed, changed, programs, writable } = delta;
  assert.deepEqual(
    { unread, files, added, removed, changed, programs, writable },
    { unread: null, files: 5, added: 2, removed: 1, changed: 2, programs: 1, writable: 1 },
  );
  assert.deepEqual(delta.list[1], {
    ...{ path: 'run.sh', change: 'changed' },
    before: { size: 4, mode: 0o644 },
    after: { size: 4, mode: 0o755 },
  });
});

test('the first delivery has every file as new', async () => {
  const delta = await compare(null, tarOf({ name: 'a', content: 'x' }, { name: 'd/', type: '5' }));
  assert.equal(delta.before, null);
  assert.deepEqual(told(delta), ['added a']);
});

test('SBOMs that lie in both are compared', async () => {
  const bom = (version: string): BuiltMember => ({
    name: 'app/bom.json',
    content: JSON.stringify({
      bomFormat: 'CycloneDX',
      components: [{ name: 'left-pad', version, purl: `pkg:npm/left-pad@${version}` }],
    }),
  });
  const { sbom } = await compare(tarOf(bom('1.0.0')), tarOf(bom('1.3.0')));
  assert.equal(sbom.changed, 1);
  assert.deepEqual([sbom.list[0]?.from, sbom.list[0]?.to], ['1.0.0', '1.3.0']);
});

type ImageParts = { layers: string[]; user?: string; base?: string };

/** An OCI image layout as image tools write it. */
function imageOf({ layers, user, base }: ImageParts, spoil = ''): Buffer {
  const sha = (text: string): string => createHash('sha256').update(text).digest('hex');
  const config = JSON.stringify({ config: { User: user, Entrypoint: ['/app'] } });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    config: { digest: `sha256:${sha(config)}` },
    layers: layers.map((layer) => ({ digest: `sha256:${sha(layer)}` })),
    ...(base === undefined ? {} : { annotations: { 'org.opencontainers.image.base.name': base } }),
  });
  const index = JSON.stringify({
    schemaVersion: 2,
    manifests: [{ digest: `sha256:${sha(manifest)}` }],
  });
  return tarOf(
    { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    { name: 'index.json', content: index },
    ...[manifest, config, ...layers].map((content) =>
      tarMember({ name: `blobs/sha256/${sha(content)}`, content: content + spoil }),
    ),
  );
}

test('a container image tells what it builds on, its layers, and as whom it runs', async () => {
  const { image } = await compare(
    imageOf({ layers: ['base', 'app 1'], user: '1000', base: 'debian:13' }),
    imageOf({ layers: ['base', 'app 2', 'more'] }),
  );
  assert.deepEqual(image, {
    ...{
      baseBefore: 'debian:13',
      baseAfter: `sha256:${createHash('sha256').update('base').digest('hex')}`,
    },
    ...{ runsBefore: '1000: /app', runsAfter: 'root: /app' },
    ...{ layersBefore: 2, layersAfter: 3, layersKept: 1 },
  });
  const plain = await compare(
    tarOf({ name: 'a', content: '1' }),
    tarOf({ name: 'a', content: '2' }),
  );
  assert.equal(plain.image, undefined);
});

test('documents of an image that are not what their name says, or no JSON, are none', async () => {
  const genuine = imageOf({ layers: ['base'] });
  for (const other of [
    imageOf({ layers: ['base'] }, ' '),
    tarOf({ name: 'index.json', content: '{' }),
    tarOf({ name: 'index.json', content: '{"manifests":[{"digest":"../../etc/passwd"}]}' }),
  ]) {
    const { image } = await compare(genuine, other);
    assert.deepEqual([image?.baseAfter, image?.layersBefore, image?.layersAfter], [null, 1, 0]);
  }
});

const layout: BuiltMember = { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' };
const indexOf = (...digests: string[]): BuiltMember => ({
  name: 'index.json',
  content: JSON.stringify({ manifests: digests.map((digest) => ({ digest })) }),
});

test('an image that cannot be read is named with its reason, and is part of what is signed', async () => {
  const plain = tarOf({ name: 'a', content: '1' });
  const hex = 'a'.repeat(64);
  const [one, blob] = [`sha256:${hex}`, `blobs/sha256/${hex}`];
  const huge = ' '.repeat(256 * 1024 + 1);
  for (const [is, file, why] of [
    [tarOf(layout), 'index.json', /^is missing or has more than 262144 bytes$/],
    [tarOf(layout, { name: 'index.json', content: huge }), 'index.json', /^is missing or has more/],
    [tarOf({ name: blob, content: 'x' }), 'index.json', /^is missing/],
    [tarOf(layout, indexOf(one, one)), 'index.json', /^names 2 images/],
    [tarOf(layout, indexOf('../../etc/passwd')), 'index.json', /by no SHA-256/],
    [tarOf(layout, indexOf(one)), blob, /^is missing/],
    [tarOf(layout, indexOf(one), { name: blob, content: '{}' }), blob, /^is not what it is called/],
    [tarOf(layout, { name: 'index.json', content: '[' }), 'index.json', /^is not written as/],
  ] as const) {
    const { image } = await compare(plain, is);
    const [unread, ...more] = image?.unread ?? [];
    assert.deepEqual([unread?.side, unread?.file, more], ['after', file, []]);
    assert.match(unread?.why ?? '', why);
    const back = await compare(is, plain);
    assert.deepEqual(
      back.image?.unread?.map(({ side }) => side),
      ['before'],
    );
    assert.deepEqual(back, ArtifactDelta.parse(back));
  }
  const readable = imageOf({ layers: ['base'] });
  assert.equal('unread' in ((await compare(plain, readable)).image ?? {}), false);
  const digests = await Promise.all(
    [tarOf(layout), tarOf(layout, indexOf(one))].map(async (is) => {
      const artifact = await compare(plain, is);
      return digestOfDelta({
        ...plainDelta,
        artifact: { ...artifact, after: { digest: '', size: 0 } },
      });
    }),
  );
  assert.equal(new Set(digests).size, 2, 'another reason is another document');
});

test('an index.json that belongs to no image is none, and said to be none', async () => {
  const web = tarOf({ name: 'index.json', content: '{"pages":[]}' });
  assert.equal((await compare(web, tarOf({ name: 'a', content: '2' }))).image, undefined);
});

test('SBOMs as long as are read take nothing from the documents of an image, nor these from them', async () => {
  const bom = `{"bomFormat":"CycloneDX","components":[{"name":"a","version":"1"}]}`;
  const long: BuiltMember = { name: 'bom.json', content: bom.padEnd(maxSbomBytes) };
  const blobs = Array.from({ length: 32 }, (_, place) => ({
    name: `blobs/sha256/${String(place).padStart(64, '0')}`,
    content: '0'.repeat(maxImageBytes / 32),
  }));
  const image = imageOf({ layers: ['base'] }).subarray(0, -1024);
  const first = await compare(null, Buffer.concat([tarMember(long), image, Buffer.alloc(1024)]));
  assert.deepEqual([first.sbom.after, first.image?.layersAfter], [1, 1]);
  const filled = await compare(null, tarOf(layout, ...blobs, indexOf('sha256:0'), long));
  assert.equal(filled.sbom.after, 1);
  assert.deepEqual(filled.image?.unread, [
    { side: 'after', file: 'index.json', why: 'comes after more than what is read' },
  ]);
  const more: BuiltMember = { name: 'z/bom.json', content: bom };
  const twice = await compare(null, tarOf(long, more));
  assert.deepEqual(
    twice.sbom.unread.map(({ file, why }) => `${file} ${why}`),
    ['z/bom.json more than what is read'],
  );
});

test('archives that nobody should read end in words and not in an exception', async () => {
  const good = tarOf({ name: 'a', content: 'x' });
  const bomb = gzipSync(
    Buffer.concat([
      tarMember({ name: 'big', size: 0o77777777777, content: Buffer.alloc(0) }),
      Buffer.alloc(1 << 22),
    ]),
  );
  const hostile: Readonly<Record<string, Buffer>> = {
    'leads out of the archive': tarOf({ name: '../etc/passwd', content: 'x' }),
    'is absolute': tarOf({ name: '/etc/passwd', content: 'x' }),
    'is a hard link': tarOf({ name: 'a', type: '1', link: '/etc/shadow' }),
    'is a symbolic link': tarOf({ name: 'a', type: '2', link: '/' }),
    'is a device': tarOf({ name: 'a', type: '4' }),
    'would run as its owner': tarOf({ name: 'su', content: 'x', mode: 0o4755 }),
    'stands in it twice': tarOf({ name: 'a', content: '1' }, { name: 'a', content: '2' }),
    'cut short': bomb,
    'compression is damaged': gzipSync(good).subarray(0, 30),
    'more than 50000 members': tarOf(
      ...Array.from({ length: 50_001 }, (_, place) => tarMember({ name: `f${place}` })),
    ),
  };
  for (const [words, bytes] of Object.entries(hostile)) {
    const delta = await compare(good, bytes);
    assert.ok(delta.unread?.includes(words), `${words}: ${delta.unread}`);
    assert.deepEqual([delta.list, delta.added, delta.sbom.after], [[], 0, null]);
    const turned = await compare(bytes, good);
    assert.match(turned.unread ?? '', /^the artifact that is live: /);
  }
});

test('a single file in place of an archive is said, and two single files have nothing to list', async () => {
  const archive = tarOf({ name: 'a', content: 'x' });
  const single = Buffer.from('#!/bin/sh\n');
  assert.match((await compare(archive, single)).unread ?? '', /what is live is an archive/);
  assert.match((await compare(single, archive)).unread ?? '', /what is live is a single file/);
  const both = await compare(single, Buffer.from('#!/bin/bash\n'));
  assert.deepEqual([both.unread, both.list, both.after.size], [null, [], 12]);
});

test('a live artifact that is missing or damaged is said, and comes back with its bytes', async () => {
  const [was, is] = [tarOf({ name: 'a', content: 'was' }), tarOf({ name: 'a', content: 'is' })];
  const digest = createHash('sha256').update(was).digest('hex');
  assert.equal((await compare(was, is)).unread, null);
  await store.remove(digest);
  const compareKept = async () =>
    (
      await withArtifact(plainDelta, reader, {
        live: { artifactDigest: digest },
        artifactDigest: await keep(is),
      })
    ).artifact;
  const gone = await compareKept();
  assert.match(gone?.unread ?? '', /no whole copy of the artifact that is live/);
  assert.deepEqual(gone?.before, { digest, size: null });
  await keep(was);
  writeFileSync(join(root, 'blobs/sha256', digest), 'damaged');
  // Another process, which has read neither.
  const other = createArtifactReader(store);
  assert.deepEqual((await compare(null, is, other)).added, 1);
  const damaged = await withArtifact(plainDelta, other, {
    live: { artifactDigest: digest },
    artifactDigest: await keep(is),
  });
  assert.deepEqual(damaged.artifact, gone);
  await store.remove(digest);
  await keep(was);
  assert.equal((await compareKept())?.unread, null);
});

test('a copy that is damaged after intake read it is set aside within a quarter of an hour, and all come to the same', async () => {
  const [was, is] = [tarOf({ name: 'b', content: 'was' }), tarOf({ name: 'b', content: 'is' })];
  const live = { artifactDigest: await keep(was) };
  const artifactDigest = await keep(is);
  let now = new Date('2026-11-23T10:00:00Z');
  const damaged: (string | null)[] = [];
  const whole = wholeCopies(store, {
    now: () => now,
    onDamaged: (_digest, keptAs) => void damaged.push(keptAs),
  });
  const intake = createArtifactReader(whole);
  const seenBy = async (who: ArtifactReader) =>
    (await withArtifact(plainDelta, who, { live, artifactDigest })).artifact;
  assert.equal((await seenBy(intake))?.unread, null);
  chmodSync(join(root, 'blobs/sha256', live.artifactDigest), 0o644);
  writeFileSync(join(root, 'blobs/sha256', live.artifactDigest), 'damaged');
  const authority = createArtifactReader(store);
  const told = await seenBy(authority);
  assert.match(told?.unread ?? '', /no whole copy of the artifact that is live/);
  now = new Date('2026-11-23T10:15:00Z');
  assert.deepEqual(await seenBy(intake), told);
  assert.deepEqual(await seenBy(authority), told);
  assert.equal(readFileSync(damaged[0] ?? '', 'utf8'), 'damaged');
  assert.equal(damaged.length, 1, 'told once');
  await keep(was);
  assert.equal((await seenBy(intake))?.unread, null, 'as soon as its bytes are back');
  assert.equal((await seenBy(authority))?.unread, null);
});

test('a damaged copy that cannot be set aside is told once in a quarter of an hour', async () => {
  let told = 0;
  let now = 0;
  const corrupt = new ArtifactError('artifact-corrupt', 'other bytes');
  const whole = wholeCopies(
    {
      has: () => Promise.resolve(true),
      openVerified: () => Promise.reject(corrupt),
      setAside: () => Promise.resolve(null),
    },
    { now: () => new Date(now), onDamaged: () => void (told += 1) },
  );
  for (now = 0; now < 15 * 60_000; now += 60_000) assert.equal(await whole.has('a'), false);
  assert.equal(told, 1);
  assert.equal(await whole.has('a'), false);
  assert.equal(told, 2);
});

test('the artifact that would be delivered is never passed over', async () => {
  const missing = 'f'.repeat(64);
  await assert.rejects(withArtifact(plainDelta, reader, { live: null, artifactDigest: missing }), {
    code: 'artifact-missing',
  });
});

/** Says which artifacts it was asked to read. */
function counting(): { counted: ArtifactReader; reads: string[] } {
  const reads: string[] = [];
  const counted: ArtifactReader = {
    has: (digest) => reader.has(digest),
    contents(digest, question) {
      reads.push(digest);
      return reader.contents(digest, question);
    },
  };
  return { counted, reads };
}

test('each pair of artifacts is read once', async () => {
  const { counted, reads } = counting();
  const [was, is] = [tarOf({ name: 'a', content: '1' }), tarOf({ name: 'a', content: '2' })];
  const first = await compare(was, is, counted);
  assert.deepEqual(await compare(was, is, counted), first);
  assert.equal(reads.length, 2);
});

test('256 comparisons are remembered; of one more the oldest is read again, and comes to the same', async () => {
  const { counted, reads } = counting();
  const digests: string[] = [];
  for (let place = 0; place < 257; place += 1) digests.push(await keep(Buffer.from(`${place}`)));
  const of = (place: number) =>
    withArtifact(plainDelta, counted, { live: null, artifactDigest: digests[place] ?? '' });
  const oldest = await of(0);
  for (let place = 1; place < 256; place += 1) await of(place);
  assert.deepEqual(reads, digests.slice(0, 256));
  assert.deepEqual(await of(0), oldest, 'asked again it is the newest');
  assert.equal(reads.length, 256);
  const second = await withArtifact(plainDelta, reader, {
    ...{ live: null, artifactDigest: digests[1] ?? '' },
  });
  await of(256);
  assert.deepEqual(await of(1), second);
  assert.deepEqual(reads.slice(256), [digests[256], digests[1]]);
  assert.deepEqual(await of(0), oldest);
  assert.equal(reads.length, 258, 'only the oldest was forgotten');
});

test('the signed digest covers the files and the components', async () => {
  const digestOf = async (content: string, mode = 0o644): Promise<string> =>
    digestOfDelta({
      ...plainDelta,
      artifact: await compare(
        tarOf({ name: 'a', content: '0' }),
        tarOf({ name: 'a', content, mode }),
      ),
    });
  const digests = [await digestOf('1'), await digestOf('2'), await digestOf('1', 0o755)];
  assert.equal(new Set([...digests, digestOfDelta(plainDelta)]).size, 4);
  assert.equal(await digestOf('1'), digests[0]);
});

const anyTree = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('a', 'b', 'c/d', 'c/e', 'f'),
    content: fc.constantFrom('1', '22'),
    mode: fc.constantFrom(0o644, 0o755),
  }),
  { selector: ({ name }) => name, minLength: 1, maxLength: 5 },
);

test('the order of members does not count, and the two sides turn round', async () => {
  await fc.assert(
    fc.asyncProperty(anyTree, anyTree, async (was, is) => {
      const forth = await compare(tarOf(...was), tarOf(...is));
      const shuffled = await compare(tarOf(...was.toReversed()), tarOf(...is.toReversed()));
      assert.deepEqual({ ...shuffled, before: forth.before, after: forth.after }, forth);
      const back = await compare(tarOf(...is), tarOf(...was));
      assert.deepEqual(
        [back.added, back.removed, back.changed],
        [forth.removed, forth.added, forth.changed],
      );
      const sorted = (delta: ArtifactDelta) => delta.list.map(({ path }) => path).sort();
      assert.deepEqual(sorted(back), sorted(forth));
    }),
    { numRuns: 40 },
  );
});

test('five thousand changed files are counted, and the first three hundred listed', async () => {
  const tree = (content: string): Buffer =>
    tarOf(
      ...Array.from({ length: 5_000 }, (_, place) => tarMember({ name: `f${place}`, content })),
    );
  const delta = await compare(tree('1'), tree('2'));
  assert.equal(delta.changed, 5_000);
  assert.equal(delta.list.length, listedArtifactFiles);
});
