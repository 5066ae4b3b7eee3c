import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { commitWords } from './commit-words.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-words-'));
after(() => {
  rmSync(directory, { recursive: true });
});

const git = (args: string[], input?: Buffer): Buffer =>
  execFileSync('git', ['-C', directory, ...args], { ...(input === undefined ? {} : { input }) });
git(['init', '--quiet']);
const tree = git(['mktree'], Buffer.alloc(0)).toString().trim();

const author = 'author Dana Ô <dana@example.com> 1700000000 +0000\n';
const committer = 'committer Ci <ci@example.com> 1700000000 +0000\n';
const plain = (message: string, header = author + committer): Buffer =>
  Buffer.from(`tree ${tree}\n${header}\n${message}`);

const commits: readonly [string, Buffer][] = [
  ['one line', plain('one\n')],
  ['no line end', plain('one')],
  ['a subject of two lines', plain('one\ntwo  \n\nbody\n')],
  ['blank lines first', plain('\n \n\t\none\n\nbody')],
  ['a carriage return', plain('one\r\ntwo\r\n')],
  ['no message', plain('')],
  ['control characters', plain('a\u0007b\u001b[31m\tc')],
  ['other scripts', plain('変更 🚀 é')],
  ['bytes that are no UTF-8', Buffer.concat([plain('a'), Buffer.from([0xff, 0x62])])],
  [
    'Latin-1 that says so',
    Buffer.concat([
      plain('', `${author.replace('Ô', 'O')}${committer}encoding ISO-8859-1\n`),
      Buffer.from('caf\u00e9', 'latin1'),
    ]),
  ],
  ['an author without a name', plain('x', `author  <a@b> 1 +0000\n${committer}`)],
  ['an author with blanks', plain('x', `author   Dana  X   <a@b> 1 +0000\n${committer}`)],
  [
    'a signature in whose lines another author stands',
    plain('x', `${author}${committer}gpgsig -----BEGIN\n author Mallory <m@x> 1 +0000\n`),
  ],
];

for (const [what, object] of commits) {
  test(`${what}: read as git reads it`, () => {
    const id = git(['hash-object', '-t', 'commit', '-w', '--stdin', '--literally'], object)
      .toString()
      .trim();
    const [authorName, authorEmail, subject] = git([
      ...['-c', 'i18n.logOutputEncoding=UTF-8'],
      ...['log', '-1', '--format=%an%x00%ae%x00%s%x00', id],
    ])
      .toString()
      .split('\0');
    assert.deepEqual(commitWords(object), { subject, authorName, authorEmail });
  });
}

test('a message ends at NUL, and what is too long is cut between characters', () => {
  assert.equal(commitWords(plain('one\0two')).subject, 'one');
  const long = commitWords(plain(`${'a'.repeat(499)}🚀`)).subject;
  assert.equal(long, 'a'.repeat(499));
  assert.equal(long.isWellFormed(), true);
});

test('what is no commit says nothing', () => {
  const nothing = { subject: '', authorName: '', authorEmail: '' };
  assert.deepEqual(commitWords(new Uint8Array()), nothing);
  assert.deepEqual(commitWords(Buffer.from('author\n\n')), nothing);
});
