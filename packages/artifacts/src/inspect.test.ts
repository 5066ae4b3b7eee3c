import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { defaultArchiveLimits } from './archive.ts';
import { inspectArtifact } from './inspect.ts';
import { tarOf, type BuiltMember } from './testing/tar-builder.ts';

// eslint-disable-next-line @typescript-eslint/require-await -- a source as it comes from a store
async function* from(bytes: Buffer | string): AsyncGenerator<Buffer> {
  yield Buffer.from(bytes);
}

const codeOf = async (bytes: Buffer | string): Promise<string> =>
  (await inspectArtifact(from(bytes), { name: 'artifact' }))?.code ?? 'OK';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const indexType = 'application/vnd.oci.image.index.v1+json';
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip';
const digest = `sha256:${'a'.repeat(64)}`;
const layer = { mediaType: layerType, digest, size: 1 };
const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 1 };
const manifest = { schemaVersion: 2, mediaType: manifestType, config, layers: [layer] };
const index = { schemaVersion: 2, mediaType: indexType, manifests: [] };

/** An image layout with one manifest, which the index names as `said`. */
function layout(body: object, said = manifestType, below = ''): Buffer {
  const text = JSON.stringify(body);
  const blob: BuiltMember = { name: `${below}blobs/sha256/${sha256(text)}`, content: text };
  const named = { mediaType: said, digest: `sha256:${sha256(text)}`, size: text.length };
  return tarOf(
    { name: `${below}oci-layout`, content: '{"imageLayoutVersion":"1.0.0"}' },
    { name: `${below}index.json`, content: JSON.stringify({ ...index, manifests: [named] }) },
    blob,
  );
}

const fine: [claim: string, artifact: Buffer | string][] = [
  ['text', 'hello'],
  ['nothing', ''],
  ['a program', Buffer.from('7f454c46', 'hex')],
  ['JSON that is no image', '{"layers":"of cake","manifests":1}'],
  ['JSON with a key twice that is no image', '{"a":1,"a":2}'],
  ['a tar', tarOf({ name: 'a', content: 'x' })],
  ['a tar.gz', gzipSync(tarOf({ name: 'a', content: 'x' }))],
  ['compressed text', gzipSync('hello')],
  ['a manifest', JSON.stringify(manifest)],
  ['an index', JSON.stringify(index)],
  ['an image layout', layout(manifest)],
  ['a manifest without mediaType', layout({ schemaVersion: 2, config, layers: [layer] })],
  ['a Docker archive', tarOf({ name: 'manifest.json', content: '[{"Config":"x","Layers":[]}]' })],
];
for (const [claim, artifact] of fine) {
  test(`nothing speaks against ${claim}`, async () => {
    assert.equal(await codeOf(artifact), 'OK');
  });
}

const both = { ...manifest, manifests: [layer] };
const refused: [code: string, claim: string, artifact: Buffer | string][] = [
  ['E_ARCHIVE_PATH', 'a member that leaves the archive', tarOf({ name: '../x' })],
  ['E_ARCHIVE_PATH', 'the same in gzip', gzipSync(tarOf({ name: '../x' }))],
  ['E_ARCHIVE_FORMAT', 'compressed text cut short', gzipSync('hello').subarray(0, -3)],
  ['E_OCI_MEDIATYPE', 'a manifest that is an index', JSON.stringify(both)],
  ['E_OCI_MEDIATYPE', 'the same behind white space', `${' '.repeat(5000)}${JSON.stringify(both)}`],
  ['E_OCI_MEDIATYPE', 'the same in an image layout', layout(both)],
  [
    'E_OCI_MEDIATYPE',
    'the same in a layout further below',
    layout(both, manifestType, 'some/where/'),
  ],
  ['E_OCI_MEDIATYPE', 'the same in gzip', gzipSync(layout(both))],
  ['E_OCI_MEDIATYPE', 'an index with a config', JSON.stringify({ ...index, config })],
  [
    'E_OCI_MEDIATYPE',
    'a manifest that says it is an index',
    JSON.stringify({ ...manifest, mediaType: indexType }),
  ],
  [
    'E_OCI_MEDIATYPE',
    'an index that says it is a manifest',
    JSON.stringify({ ...index, mediaType: manifestType }),
  ],
  ['E_OCI_MEDIATYPE', 'a mediaType that is no text', JSON.stringify({ ...manifest, mediaType: 5 })],
  ['E_OCI_MEDIATYPE', 'a manifest that the index calls an index', layout(manifest, indexType)],
  [
    'E_OCI_MEDIATYPE',
    'a manifest without mediaType that the index calls an index',
    layout({ schemaVersion: 2, config, layers: [layer] }, indexType),
  ],
  ['E_OCI_MEDIATYPE', 'a key twice', `{"schemaVersion":2,"layers":[],"layers":[]}`],
  [
    'E_OCI_MEDIATYPE',
    'a key twice, once escaped',
    `{"schemaVersion":2,"layers":[],"\\u006cayers":[]}`,
  ],
  ['E_OCI_MEDIATYPE', 'a key in two spellings', `{"schemaVersion":2,"layers":[],"Layers":[]}`],
  ['E_OCI_MEDIATYPE', 'an index beside Layers', JSON.stringify({ ...index, Layers: [layer] })],
  ['E_OCI_MEDIATYPE', 'an index beside layerſ', JSON.stringify({ ...index, layerſ: [layer] })],
  ['E_OCI_MEDIATYPE', 'a byte order mark', `\uFEFF${JSON.stringify(manifest)}`],
  [
    'E_OCI_URLS',
    'a layer from elsewhere',
    JSON.stringify({ ...manifest, layers: [{ ...layer, urls: ['https://evil.example/'] }] }),
  ],
  [
    'E_OCI_URLS',
    'the same, spelt Urls',
    JSON.stringify({ ...manifest, layers: [{ ...layer, Urls: ['https://evil.example/'] }] }),
  ],
  [
    'E_OCI_URLS',
    'urls that are no list',
    JSON.stringify({ ...manifest, layers: [{ ...layer, urls: 'https://evil.example/' }] }),
  ],
  [
    'E_OCI_URLS',
    'a config from elsewhere',
    layout({ ...manifest, config: { ...config, urls: ['https://evil.example/'] } }),
  ],
  [
    'E_OCI_URLS',
    'a manifest from elsewhere',
    JSON.stringify({ ...index, manifests: [{ ...layer, urls: ['x'] }] }),
  ],
  [
    'E_OCI_URLS',
    'a layer that is not distributed',
    JSON.stringify({
      ...manifest,
      layers: [{ ...layer, mediaType: 'application/vnd.oci.image.layer.nondistributable.v1.tar' }],
    }),
  ],
];
for (const [code, claim, artifact] of refused) {
  test(`refused with ${code}: ${claim}`, async () => {
    assert.equal(await codeOf(artifact), code);
  });
}

/** A tar whose first header has another checksum than ours. */
function withSum(name: string, write: (header: Buffer, sum: number) => void, v7 = true): Buffer {
  const archive = tarOf({ name, content: 'x', format: v7 ? 'v7' : 'ustar' });
  const header = archive.subarray(0, 512).fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  write(header, sum);
  return archive;
}
const octal = (header: Buffer, sum: number): void => {
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
};

test('a tar with its checksum over signed bytes, which GNU tar reads, is not passed as no tar', async () => {
  const archive = withSum('é', (header, sum) => {
    octal(header, sum - 512);
  });
  assert.notEqual(execFileSync('tar', ['-tf', '-'], { input: archive, encoding: 'utf8' }), '');
  assert.equal(await codeOf(archive), 'E_ARCHIVE_FORMAT');
  assert.equal(await codeOf(gzipSync(archive)), 'E_ARCHIVE_FORMAT');
});

test('what says that it is a tar is read as one, whatever its checksum', async () => {
  const archive = withSum(
    'a',
    (header) => {
      octal(header, 1);
    },
    false,
  );
  assert.equal(await codeOf(archive), 'E_ARCHIVE_FORMAT');
});

test('the refusal says which artifact, which member and what', async () => {
  const refusal = await inspectArtifact(from(tarOf({ name: 'a', type: '2', link: '/etc' })), {
    name: 'shop.tar.gz',
  });
  assert.match(refusal?.detail ?? '', /^shop\.tar\.gz: member "a" is a symbolic link/);
});

test('compressed text is bounded too', async () => {
  const limits = { ...defaultArchiveLimits, maxExpandedBytes: 1000 };
  const bomb = gzipSync(Buffer.alloc(100_000));
  const refusal = await inspectArtifact(from(bomb), { name: 'a.gz', limits });
  assert.equal(refusal?.code, 'E_ARCHIVE_SIZE');
});
