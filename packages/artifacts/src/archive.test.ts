import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ArchiveError } from './archive-error.ts';
import {
  type ArchiveEntry,
  defaultArchiveLimits as limits,
  diffArchives,
  listArchive,
} from './archive.ts';
import {
  paxHeader,
  paxRecord,
  tarMember,
  tarOf,
  withChecksum,
  type BuiltMember,
} from './testing/tar-builder.ts';

const root = mkdtempSync(join(tmpdir(), 'airlock-archive-'));
after(() => {
  rmSync(root, { recursive: true, force: true });
});

const sha256 = (content: string | Buffer): string =>
  createHash('sha256').update(content).digest('hex');

// eslint-disable-next-line @typescript-eslint/require-await -- a source as it comes from a socket
async function* inChunks(bytes: Buffer, length = 64 * 1024): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

const list = (bytes: Buffer): Promise<readonly ArchiveEntry[]> =>
  listArchive(inChunks(bytes), limits);

async function refusalOf(bytes: Buffer, length?: number): Promise<string> {
  try {
    await listArchive(inChunks(bytes, length), limits);
    return 'OK';
  } catch (error) {
    assert.ok(error instanceof ArchiveError, String(error));
    return error.code;
  }
}

const file = (name: string): BuiltMember => ({ name, content: 'x' });

test('members are listed in order, with size, mode and digest', async () => {
  const bytes = tarOf(
    { name: './', type: '5', mode: 0o755 },
    { name: './bin/', type: '5', mode: 0o1777 },
    { name: './bin/run', mode: 0o755, content: 'go' },
    { name: 'empty' },
  );
  const expected = [
    { path: '.', type: 'directory', size: 0, mode: 0o755, sha256: null },
    { path: 'bin', type: 'directory', size: 0, mode: 0o1777, sha256: null },
    { path: 'bin/run', type: 'file', size: 2, mode: 0o755, sha256: sha256('go') },
    { path: 'empty', type: 'file', size: 0, mode: 0o644, sha256: sha256('') },
  ];
  assert.deepEqual(await list(bytes), expected);
  assert.deepEqual(await list(gzipSync(bytes)), expected);
  // Gzip members one after the other are one stream (RFC 1952, 2.2).
  const halves = [gzipSync(bytes.subarray(0, 700)), gzipSync(bytes.subarray(700))];
  assert.deepEqual(await list(Buffer.concat(halves)), expected);
});

for (const format of ['gnu', 'pax', 'ustar', 'v7']) {
  test(`what GNU tar packs as ${format} is listed as it lies on disk`, async () => {
    const directory = mkdtempSync(join(root, 'packed-'));
    const long = `${'deep/'.repeat(20)}${'name'.repeat(20)}`;
    const files: Record<string, Buffer> = {
      'a.txt': Buffer.from('a'),
      'dir/ünï.bin': randomBytes(70_000),
      // v7 has room for 99 bytes, ustar for 255.
      ...(format === 'v7' ? {} : { [long]: randomBytes(512) }),
    };
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), content);
    }
    for (const chunk of [511, 1 << 20]) {
      for (const compression of [[], ['-z']]) {
        const packed = execFileSync('tar', [
          '-C',
          directory,
          `--format=${format}`,
          ...compression,
          '-c',
          '.',
        ]);
        const entries = await listArchive(inChunks(packed, chunk), limits);
        const found = entries.filter(({ type }) => type === 'file');
        assert.deepEqual(
          Object.fromEntries(found.map((entry) => [entry.path, entry.sha256])),
          Object.fromEntries(
            Object.entries(files).map(([name, content]) => [name, sha256(content)]),
          ),
        );
      }
    }
  });
}

test('names that GNU and PAX say in a header of their own', async () => {
  const long = 'n'.repeat(300);
  for (const bytes of [
    tarOf(tarMember({ name: '././@LongLink', type: 'L', content: `${long}\0` }), file('short')),
    tarOf(paxHeader({ path: long, mtime: '1.5' }), file('short')),
    tarOf(paxHeader({ comment: 'the commit' }, 'g'), paxHeader({ path: long }), file('short')),
  ]) {
    assert.deepEqual(
      (await list(bytes)).map(({ path }) => path),
      [long],
    );
  }
  assert.deepEqual(
    (await list(tarOf({ name: 'b', prefix: 'a' }))).map(({ path }) => path),
    ['a/b'],
  );
  // GNU keeps times there, which are no part of the name.
  const gnu = tarOf({ name: 'b', prefix: '14736215', format: 'gnu' });
  assert.deepEqual(
    (await list(gnu)).map(({ path }) => path),
    ['b'],
  );
});

const paths: [claim: string, archive: Buffer][] = [
  ['a name with ..', tarOf(file('../../etc/passwd'))],
  ['.. in the middle', tarOf(file('a/../../b'))],
  ['.. said by PAX', tarOf(paxHeader({ path: '../x' }), file('x'))],
  ['.. said by GNU', tarOf(tarMember({ name: 'L', type: 'L', content: '../x\0' }), file('x'))],
  ['.. through the prefix', tarOf({ name: 'x', prefix: '..' })],
  ['.. in a tar without magic', tarOf({ name: '../x', format: 'v7' })],
  ['an absolute name', tarOf(file('/etc/passwd'))],
  ['a backslash', tarOf(file('..\\windows'))],
  ['an empty name', tarOf(file(''))],
  ['a file called as the root', tarOf(file('.'))],
  ['NUL in a name', tarOf(paxHeader({ path: 'a\0b' }), file('x'))],
  ['a line feed in a name', tarOf(file('a\nb'))],
  ['a name that is not UTF-8', tarOf(withLatin1Name())],
  ['a name of more than 4096 bytes', tarOf(paxHeader({ path: 'a/'.repeat(2100) }), file('x'))],
  ['names that differ in case', tarOf(file('Config'), file('config'))],
  ['names that differ in case as ß and ſ do', tarOf(file('straſe'), file('strase'))],
  ['names that differ in how an accent is written', tarOf(file('\u00e9'), file('e\u0301'))],
  ['directories that differ in case', tarOf(file('Bin/a'), file('bin/b'))],
  ['a name twice', tarOf(file('a'), file('./a'))],
  ['a file below a file', tarOf(file('a'), file('a/b'))],
  ['a file where a directory was', tarOf(file('a/b'), file('a'))],
  ['a file called a directory', tarOf(file('a/'))],
  ['a symbolic link', tarOf({ name: 'a', type: '2', link: '/etc' })],
  ['a file through a link', tarOf({ name: 'a', type: '2', link: '/etc' }, file('a/passwd'))],
  ['a hard link', tarOf({ name: 'a', type: '1', link: 'b' })],
  [
    'a link with a long name',
    tarOf(tarMember({ name: 'L', type: 'K', content: 'b\0' }), { name: 'a', type: '2' }),
  ],
  ['a character device', tarOf({ name: 'a', type: '3' })],
  ['a block device', tarOf({ name: 'a', type: '4' })],
  ['a named pipe', tarOf({ name: 'a', type: '6' })],
  ['a setuid file', tarOf({ name: 'a', mode: 0o4755 })],
  ['a setgid directory', tarOf({ name: 'a/', type: '5', mode: 0o2755 })],
  ['file capabilities', tarOf(paxHeader({ 'SCHILY.xattr.security.capability': 'x' }), file('a'))],
];
for (const [claim, archive] of paths) {
  test(`refused with E_ARCHIVE_PATH: ${claim}`, async () => {
    assert.equal(await refusalOf(archive), 'E_ARCHIVE_PATH');
    assert.equal(await refusalOf(gzipSync(archive)), 'E_ARCHIVE_PATH');
  });
}

test('a link that GNU tar packed is refused', async () => {
  const directory = mkdtempSync(join(root, 'linked-'));
  symlinkSync('/etc', join(directory, 'link'));
  const packed = execFileSync('tar', ['-C', directory, '-c', '.']);
  assert.equal(await refusalOf(packed), 'E_ARCHIVE_PATH');
});

const good = tarOf(file('a'), { name: 'b', content: randomBytes(2000) });
const packed = gzipSync(good);
const formats: [claim: string, archive: Buffer][] = [
  ['no archive', Buffer.from('just text')],
  ['nothing', Buffer.alloc(0)],
  ['no end', tarMember(file('a'))],
  ['half an end', Buffer.concat([tarMember(file('a')), Buffer.alloc(512)])],
  ['a member after the end', Buffer.concat([good, tarMember(file('hidden'))])],
  ['a member after one block of zeros', tarOf(file('a'), Buffer.alloc(512), file('hidden'))],
  ['a byte after the end', Buffer.concat([good, Buffer.from('x')])],
  ['zeros after the compression', Buffer.concat([packed, Buffer.alloc(512)])],
  ['garbage after the compression', Buffer.concat([packed, Buffer.from('garbage')])],
  ['compression cut short', packed.subarray(0, -4)],
  ['a wrong sum of the compression', flipped(packed, packed.length - 6)],
  ['a wrong checksum of a later header', tarOf(file('a'), flipped(tarMember(file('b')), 0))],
  ['a size in PAX that is not the header’s', tarOf(paxHeader({ size: '0' }), file('a'))],
  ['a PAX name for all members', tarOf(paxHeader({ path: 'a' }, 'g'), file('b'))],
  ['a PAX header for nobody', tarOf(paxHeader({ path: 'a' }))],
  ['two PAX headers', tarOf(paxHeader({ path: 'a' }), paxHeader({ path: 'b' }), file('c'))],
  [
    'a PAX key twice',
    tarOf(
      tarMember({
        name: 'p',
        type: 'x',
        content: Buffer.concat([paxRecord('path', 'a'), paxRecord('path', 'b')]),
      }),
      file('c'),
    ),
  ],
  [
    'a PAX record of the wrong length',
    tarOf(tarMember({ name: 'p', type: 'x', content: '8 path=a\n' }), file('c')),
  ],
  [
    'a PAX name and a GNU name',
    tarOf(paxHeader({ path: 'a' }), tarMember({ name: 'L', type: 'L', content: 'b\0' }), file('c')),
  ],
  ['a GNU sparse file', tarOf({ name: 'a', type: 'S' })],
  ['a PAX sparse file', tarOf(paxHeader({ 'GNU.sparse.major': '1' }), file('a'))],
  ['an unknown kind of member', tarOf({ name: 'a', type: 'Z' })],
  ['a directory with content', tarOf({ name: 'a/', type: '5', content: 'x' })],
  ['a size that is no number', tarOf(withSize('zzz'))],
  ['a negative size', tarOf(withSize('\u00ff'.repeat(12)))],
  [
    'an endless extension',
    tarOf(tarMember({ name: 'p', type: 'x', content: Buffer.alloc(65_537) }), file('a')),
  ],
];
for (const [claim, archive] of formats) {
  test(`refused with E_ARCHIVE_FORMAT: ${claim}`, async () => {
    assert.equal(await refusalOf(archive), 'E_ARCHIVE_FORMAT');
    assert.equal(await refusalOf(archive, 100), 'E_ARCHIVE_FORMAT');
  });
}

test('an archive that is cut short anywhere is refused', async () => {
  for (let length = 1; length < good.length; length += 97) {
    assert.equal(await refusalOf(good.subarray(0, length)), 'E_ARCHIVE_FORMAT', `${length} bytes`);
  }
  for (let length = 1; length < packed.length; length += 97) {
    assert.equal(await refusalOf(packed.subarray(0, length)), 'E_ARCHIVE_FORMAT');
  }
});

test('zeros after the end are padding, as GNU tar writes them', async () => {
  assert.equal((await list(Buffer.concat([good, Buffer.alloc(10_240)]))).length, 2);
});

test('a gzip bomb is left at the first byte too many', async () => {
  const megabyte = gzipSync(Buffer.alloc(1 << 20));
  const header = gzipSync(tarMember({ name: 'zeros', size: 300 << 20 }));
  const bomb = Buffer.concat([header, ...Array.from({ length: 300 }, () => megabyte)]);
  let taken = 0;
  async function* source(): AsyncGenerator<Buffer> {
    for await (const chunk of inChunks(bomb, 1024)) {
      taken += chunk.length;
      yield chunk;
    }
  }
  await assert.rejects(
    listArchive(source(), { maxEntries: 10, maxExpandedBytes: 1 << 20 }),
    (error: unknown) => error instanceof ArchiveError && error.code === 'E_ARCHIVE_SIZE',
  );
  assert.ok(taken < bomb.length / 2, `${taken} of ${bomb.length} bytes were read`);
});

test('one member too many is refused', async () => {
  const three = tarOf(file('a'), file('b'), file('c'));
  const isTooMany = (error: unknown): boolean =>
    error instanceof ArchiveError && error.code === 'E_ARCHIVE_SIZE';
  const bounded = { ...limits, maxEntries: 2 };
  await assert.rejects(listArchive(inChunks(three), bounded), isTooMany);
  assert.equal((await listArchive(inChunks(three), { ...limits, maxEntries: 3 })).length, 3);
});

test('what the source throws is thrown on, and the source is let go', async () => {
  let isClosed = false;
  // eslint-disable-next-line @typescript-eslint/require-await -- a source as it comes from a socket
  async function* broken(): AsyncGenerator<Buffer> {
    try {
      yield packed.subarray(0, 100);
      throw new Error('disk on fire');
    } finally {
      isClosed = true;
    }
  }
  await assert.rejects(listArchive(broken(), limits), /disk on fire/);
  assert.equal(isClosed, true);
});

test('two archives differ in what was added, removed and changed, whatever their order', async () => {
  const before = await list(
    tarOf(file('same'), file('gone'), { name: 'bytes', content: 'a' }, { name: 'mode' }),
  );
  const later = await list(
    tarOf(
      { name: 'bytes', content: 'b' },
      { name: 'mode', mode: 0o755 },
      file('new'),
      file('same'),
    ),
  );
  assert.deepEqual(
    diffArchives(before, later).map(({ path, change }) => `${change} ${path}`),
    ['changed bytes', 'removed gone', 'changed mode', 'added new'],
  );
  assert.deepEqual(diffArchives(before, [...before].reverse()), []);
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

function withSize(size: string): Buffer {
  const header = tarMember({ name: 'a' });
  header.fill(0, 124, 136).write(size, 124, 'latin1');
  return withChecksum(header);
}

function withLatin1Name(): Buffer {
  const header = tarMember({ name: 'a' });
  header.write('\u00e9', 0, 'latin1');
  return withChecksum(header);
}
