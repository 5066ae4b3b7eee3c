import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { paxHeader, tarMember, tarOf, withChecksum } from '@airlock/artifacts/testing/tar-builder';
import { createMirror, type Mirror } from '@airlock/git/mirror';
import fc from 'fast-check';
import { sourceTreeOf } from './source-tree.ts';

let root: string;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'airlock-source-tree-'));
});
after(() => {
  rmSync(root, { recursive: true });
});

/** Paths, contents and links are bytes, one character each. */
type Entry = { path: string; mode: '100644' | '100755' | '120000' | '160000'; content: string };

const committedAt = 1_763_805_600;

/** A mirror of a repository with one branch a tree, `refs/heads/t0` and on. */
async function mirrorOf(trees: readonly (readonly Entry[])[]): Promise<Mirror> {
  const directory = mkdtempSync(join(root, 'repository-'));
  execFileSync('git', ['init', '--quiet', '--bare', directory]);
  const quoted = (path: string): string =>
    `"${[...Buffer.from(path, 'latin1')].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')}"`;
  const stream = trees.map((entries, index) => {
    const files = entries.map(({ path, mode, content }) =>
      mode === '160000'
        ? `M 160000 ${'1'.repeat(40)} ${quoted(path)}\n`
        : `M ${mode} inline ${quoted(path)}\ndata ${content.length}\n${content}\n`,
    );
    return `commit refs/heads/t${index}\ncommitter d <d@x> ${committedAt} +0100\ndata 1\nm\n${files.join('')}\n`;
  });
  execFileSync('git', ['-C', directory, 'fast-import', '--quiet'], {
    input: Buffer.from(stream.join(''), 'latin1'),
  });
  const mirror = createMirror({
    directory: join(directory, 'mirror.git'),
    url: directory,
    protocols: ['file'],
    refspecs: ['+refs/heads/*:refs/heads/*'],
  });
  await mirror.fetch();
  return mirror;
}

/** What git calls the tree, read from the commit object itself. */
async function commitOf(mirror: Mirror, index: number): Promise<{ id: string; tree: string }> {
  const id = await mirror.resolve(`refs/heads/t${index}`);
  assert.ok(id !== null);
  const object = await mirror.commitObject(id);
  return { id, tree: object?.toString('latin1', 5, 45) ?? '' };
}

async function assertTreesAgree(trees: readonly (readonly Entry[])[]): Promise<void> {
  const mirror = await mirrorOf(trees);
  for (const index of trees.keys()) {
    const { id, tree } = await commitOf(mirror, index);
    const { source: found } = await sourceTreeOf(mirror.archive(id));
    assert.deepEqual(found, { tree, time: committedAt });
  }
}

const bytes = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc
    .uint8Array({ min: 1, max: 255, minLength, maxLength })
    .map((array) => Buffer.from(array).toString('latin1').replaceAll('/', '|'));
// Git refuses names that some file system takes for .git; the rest is allowed.
const part = fc
  .oneof(
    { weight: 4, arbitrary: fc.constantFrom('a', 'a.b', 'a-', 'A', 'b', 'Ünï', 'a b', '"q"') },
    { weight: 2, arbitrary: bytes(1, 12) },
    { weight: 1, arbitrary: bytes(90, 300) },
  )
  .map((name) => Buffer.from(name).toString('latin1'))
  .filter((name) => !/^\.+$|git|\\/i.test(name));
const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
const text = fc.oneof(
  bytes(0, 1500),
  fc.constantFrom('one\r\ntwo\r\n', 'one\ntwo\n', '$Id$ $Format:%H$\n', 'x'.repeat(512), '\0'),
);
const entry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ path, mode: fc.constantFrom('100644', '100755'), content: text }),
  fc.record({ path, mode: fc.constant('120000'), content: bytes(1, 200) }),
);
const attributes = fc
  .subarray([
    '* text=auto eol=crlf\n',
    '* text eol=crlf\n',
    '* crlf\n',
    '* ident\n',
    '* export-subst\n',
    'a* export-ignore\n',
    '* filter=lfs\n',
    'b* working-tree-encoding=UTF-16\n',
    '[attr]all text ident export-subst export-ignore\n* all\n',
  ])
  .map((lines): Entry[] =>
    lines.length === 0 ? [] : [{ path: '.gitattributes', mode: '100644', content: lines.join('') }],
  );

test('the archive of any commit has the tree id that git gives it, whatever names, links and attributes it has', async () => {
  const tree = fc
    .tuple(attributes, fc.array(entry, { minLength: 1, maxLength: 12 }))
    .map(([first, others]) => [...first, ...others]);
  await fc.assert(
    fc.asyncProperty(fc.array(tree, { minLength: 12, maxLength: 12 }), assertTreesAgree),
    { numRuns: 3 },
  );
});

test('directories are sorted as git sorts them, and names and links of any length are read', async () => {
  const file = (name: string, mode: Entry['mode'] = '100644'): Entry => ({
    ...{ path: name, mode, content: 'x' },
  });
  await assertTreesAgree([
    [file('a/x'), file('a.b'), file('a-b'), file('a0'), file('a b/y')],
    [99, 100, 101, 154, 155, 156, 255, 256, 257].map((length) => file('n'.repeat(length))),
    [99, 100, 101, 255, 256, 3000].map((length) => file('deep/'.repeat(length / 5) + 'end')),
    [1, 99, 100, 101, 4000].map((length) => ({
      ...{ path: `link-${length}`, mode: '120000', content: 't'.repeat(length) },
    })),
    [file('run', '100755'), { path: 'large', mode: '100644', content: 'ab'.repeat(1_500_000) }],
  ]);
});

test('a submodule is refused by name, with what to do', async () => {
  const mirror = await mirrorOf([
    [
      { path: 'a/file', mode: '100644', content: 'x' },
      { path: 'vendor/lib', mode: '160000', content: '' },
    ],
  ]);
  const { id } = await commitOf(mirror, 0);
  await assert.rejects(sourceTreeOf(mirror.archive(id)), {
    code: 'source-submodule',
    message: /^"vendor\/lib" is a submodule, .* commit the files themselves in its place$/,
  });
});

test('an archive of more entries or longer paths than allowed is refused', async () => {
  const archive = tarOf({ name: 'one' }, { name: 'two' });
  const read = (maxEntries: number, maxPathBytes: number) =>
    sourceTreeOf(Readable.from([archive]), { maxEntries, maxPathBytes });
  await read(2, 6);
  for (const limits of [read(1, 6), read(2, 5)]) {
    await assert.rejects(limits, { code: 'source-too-large' });
  }
});

/** A header with something written over a genuine one. */
function patched(at: number, value: string): Buffer {
  const member = tarMember({ name: 'file' });
  member.write(value, at, 'latin1');
  withChecksum(member.subarray(0, 512));
  return member;
}

const directory = { name: 'd/', type: '5', mode: 0o755 };
const refused: [claim: string, archive: Buffer, code?: string][] = [
  ['a file twice', tarOf({ name: 'a' }, { name: 'a' })],
  ['a file in a link', tarOf({ name: 'a', type: '2', mode: 0o777, link: '/' }, { name: 'a/b' })],
  ['a file before its directory', tarOf({ name: 'd/a' }, directory)],
  ['a way out', tarOf({ name: '../a' })],
  ['an absolute path', tarOf({ name: '/a' })],
  ['a path with a dot in it', tarOf(directory, { name: 'd/./a' })],
  ['a file that is called a directory', tarOf({ name: 'a/' })],
  ['a directory that is called a file', tarOf({ ...directory, name: 'd' }, { name: 'd/a' })],
  ['a hard link', tarOf({ name: 'a' }, { name: 'b', type: '1', link: 'a' })],
  ['a pipe', tarOf({ name: 'a', type: '6' })],
  ['a file of the oldest kind', tarOf({ name: 'a', type: '\0' })],
  ['a sparse file', tarOf({ name: 'a', type: 'S' })],
  ['a contiguous file', tarOf({ name: 'a', type: '7' })],
  ['a file that its group may write', tarOf({ name: 'a', mode: 0o664 })],
  ['a file that runs as its owner', tarOf({ name: 'a', mode: 0o4755 })],
  ['a directory of another mode', tarOf({ ...directory, mode: 0o777 }, { name: 'd/a' })],
  ['a file with a link', tarOf({ name: 'a', link: 'b' })],
  ['a link with content', tarOf({ name: 'a', type: '2', mode: 0o777, link: 'b', content: 'x' })],
  ['a GNU name', tarOf({ name: 'x', type: 'L', content: 'long' }, { name: 'a' })],
  ['a GNU header', tarOf({ name: 'a', format: 'gnu' })],
  ['a header without magic', tarOf({ name: 'a', format: 'v7' })],
  ['a PAX key that git does not write', tarOf(paxHeader({ mtime: '1' }), { name: 'a' })],
  ['a sparse file by PAX', tarOf(paxHeader({ 'GNU.sparse.name': 'b' }), { name: 'a' })],
  ['a name for all members', tarOf(paxHeader({ path: 'b' }, 'g'), { name: 'a' })],
  ['a second size', tarOf(paxHeader({ size: '0' }), { name: 'a', content: 'x' })],
  ['a name with a NUL', tarOf(paxHeader({ path: 'a\0b' }), { name: 'a' })],
  ['a header for all, not at the start', tarOf({ name: 'a' }, paxHeader({ comment: 'x' }, 'g'))],
  ['two PAX headers', tarOf(paxHeader({ path: 'a' }), paxHeader({ path: 'b' }), { name: 'c' })],
  ['a PAX header of nothing', tarOf(paxHeader({ path: 'a' }))],
  ['something behind a name', tarOf(patched(10, 'hidden'))],
  ['a number with a space', tarOf(patched(124, '0000000000 '))],
  ['a size of base 256', tarOf(patched(124, '\x80'))],
  ['a member of another time', tarOf({ name: 'a' }, patched(136, '00000000001'))],
  ['a path that no system opens', tarOf(paxHeader({ path: 'p'.repeat(4097) }), { name: 'a' })],
  ['nothing at all', tarOf()],
  ['a wrong checksum', Buffer.concat([Buffer.alloc(512, 'x'), Buffer.alloc(1024)])],
  ['no end', tarMember({ name: 'a' }), 'source-malformed'],
  ['half an end', Buffer.concat([tarMember({ name: 'a' }), Buffer.alloc(512)]), 'E_ARCHIVE_FORMAT'],
  [
    'something after its end',
    Buffer.concat([tarOf({ name: 'a' }), tarMember({ name: 'b' })]),
    'E_ARCHIVE_FORMAT',
  ],
  ['content cut short', tarMember({ name: 'a', content: 'x', size: 9999 }), 'E_ARCHIVE_FORMAT'],
  ['an empty directory', tarOf(directory), 'source-submodule'],
];
for (const [claim, archive, code = 'source-malformed'] of refused) {
  test(`an archive with ${claim} is refused: ${code}`, async () => {
    await assert.rejects(sourceTreeOf(Readable.from([archive])), { code });
  });
}
