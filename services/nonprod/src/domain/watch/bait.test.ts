import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Bait } from '@airlock/common/wire/bait';
import { baitFlags, baitFor } from './bait.ts';

test('a build of strangers is given bait in the form of real credentials, and each build its own', () => {
  const [one, other] = [baitFor(0, randomBytes), baitFor(0, randomBytes)];
  const [keyId, key, registry] = one.map(({ value }) => value);
  assert.match(keyId ?? '', /^AKIA[A-Z2-7]{16}$/);
  assert.match(key ?? '', /^[A-Za-z0-9+/]{40}$/);
  assert.match(registry ?? '', /^npm_[A-Za-z0-9]{36}$/);
  for (const each of one) {
    assert.ok(Bait.safeParse(each).success, each.name);
    assert.ok(!other.some(({ value }) => value === each.value));
  }
});

test('a build of anybody who is vouched for is given none', () => {
  for (const level of [1, 2, 3] as const) assert.deepEqual(baitFor(level, randomBytes), []);
});

test('each place where a bait was seen is a suspicion that names it', () => {
  const flags = baitFlags([
    { bait: 'registry-key', where: 'request', name: 'paste.example:443' },
    { bait: 'cloud-key', where: 'log', name: 'test' },
  ]);
  assert.deepEqual(
    flags.map(({ kind, rule }) => [kind, rule]),
    [
      ['suspicious', 'bait'],
      ['suspicious', 'bait'],
    ],
  );
  assert.match(flags[0]?.text ?? '', /^The bait registry-key, .* sent to paste\.example:443\.$/);
  assert.match(flags[1]?.text ?? '', /^The bait cloud-key, .* the log of step test\.$/);
});
