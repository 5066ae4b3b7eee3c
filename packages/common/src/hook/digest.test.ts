import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { hookDigest, HookDigestError, type HookFileFacts } from './digest.ts';

const a = 'a'.repeat(64);
const b = 'b'.repeat(64);
const files: HookFileFacts[] = [
  { path: 'run', mode: '755', sha256: a },
  { path: 'hook.yaml', mode: '644', sha256: b },
];

test('the digest is SHA-256 of the canonical list sorted by path', () => {
  const canonical = `[{"path":"hook.yaml","mode":"644","sha256":"${b}"},{"path":"run","mode":"755","sha256":"${a}"}]`;
  assert.equal(hookDigest(files), createHash('sha256').update(canonical).digest('hex'));
});

test('the order in which a directory is read does not matter', () => {
  assert.equal(hookDigest(files), hookDigest([...files].reverse()));
});

test('one changed byte, a changed mode, a renamed or an added file changes the digest', () => {
  const [run, yaml] = files;
  assert.ok(run !== undefined && yaml !== undefined);
  const changed: HookFileFacts[][] = [
    [{ ...run, sha256: `b${a.slice(1)}` }, yaml],
    [{ ...run, mode: '644' }, yaml],
    [{ ...run, path: 'run2' }, yaml],
    [run, yaml, { path: 'extra', mode: '644', sha256: a }],
    [run],
  ];
  const digests = new Set([hookDigest(files), ...changed.map((list) => hookDigest(list))]);
  assert.equal(digests.size, changed.length + 1);
});

test('a path outside the directory, an unknown mode and a path given twice are refused', () => {
  const one: HookFileFacts = { path: 'run', mode: '755', sha256: a };
  for (const path of ['', '/run', '../run', 'a/../run', './run', 'a//b', 'a b', 'a\n', 'a/']) {
    assert.throws(() => hookDigest([{ ...one, path }]), HookDigestError, JSON.stringify(path));
  }
  assert.throws(() => hookDigest([{ ...one, sha256: a.toUpperCase() }]), HookDigestError);
  assert.throws(
    () => hookDigest([one, one]),
    (error) => error instanceof HookDigestError && error.code === 'hook-file-twice',
  );
  assert.throws(
    () => hookDigest([]),
    (error) => error instanceof HookDigestError && error.code === 'hook-empty',
  );
});
