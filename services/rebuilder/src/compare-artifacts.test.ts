import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { maxDifferenceLines } from '@airlock/common/intoto/rebuild-difference';
import { compareArtifacts } from './compare-artifacts.ts';

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-compare-'));
});
after(() => {
  rmSync(directory, { recursive: true });
});

let counter = 0;
/** Packs files with the machine's own tar; `flags` go before the names. */
function pack(
  files: Record<string, string>,
  flags: string[] = [],
  modes: Record<string, number> = {},
) {
  counter += 1;
  const tree = join(directory, `tree-${counter}`);
  const archive = join(directory, `${counter}.tar.gz`);
  mkdirSync(tree);
  for (const [path, content] of Object.entries(files)) {
    writeFileSync(join(tree, path), content);
    chmodSync(join(tree, path), modes[path] ?? 0o644);
  }
  execFileSync('tar', ['-czf', archive, '--mtime=@0', ...flags, '-C', tree, ...Object.keys(files)]);
  return archive;
}

const compare = (claimed: string, rebuilt: string) =>
  compareArtifacts({ claimed, claimedDigest: 'c'.repeat(64), rebuilt });

test('members are compared by content, size and mode, and each difference names both sides', async () => {
  const claimed = pack({ same: 'x', content: 'evil', mode: 'm', implant: 'i' }, [], {
    mode: 0o755,
  });
  const rebuilt = pack({ same: 'x', content: 'good', mode: 'm', lost: 'l' });
  const { kind, added, removed, changed, files } = await compare(claimed, rebuilt);
  assert.deepEqual(
    { kind, added, removed, changed },
    { kind: 'files', added: 1, removed: 1, changed: 2 },
  );
  assert.deepEqual(
    files.map((file) => [file.path, file.claimed?.mode ?? null, file.rebuilt?.mode ?? null]),
    [
      ['content', 0o644, 0o644],
      ['implant', 0o644, null],
      ['lost', null, 0o644],
      ['mode', 0o755, 0o644],
    ],
  );
  assert.notEqual(files[0]?.claimed?.sha256, files[0]?.rebuilt?.sha256);
});

test('the same members in another order, with other times, are other packing', async () => {
  const one = pack({ a: '1', b: '2' });
  const two = pack({ b: '2', a: '1' }, ['--mtime=@9']);
  const { kind, files } = await compare(one, two);
  assert.deepEqual([kind, files], ['packing', []]);
});

test('what is no archive is compared by its digest alone', async () => {
  const text = join(directory, 'text');
  writeFileSync(text, 'no archive');
  assert.equal((await compare(text, pack({ a: '1' }))).kind, 'bytes');
  assert.equal((await compare(pack({ a: '1' }), text)).kind, 'bytes');
});

test('more differences than a page shows are counted', async () => {
  const many = Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`f${index}`, 'x']));
  const { added, files } = await compare(pack({ ...many, a: '1' }), pack({ a: '1' }));
  assert.equal(added, 250);
  assert.equal(files.length, maxDifferenceLines);
});
