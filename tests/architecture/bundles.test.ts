import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const dist = join(import.meta.dirname, '../../dist');

test('bundles are of ASCII alone: one other character, and V8 keeps two bytes for each of a file', () => {
  const files = globSync('*/*.mjs', { cwd: dist });
  for (const service of ['nonprod', 'prod-gate', 'runner', 'signer', 'rebuilder', 'hook-relay']) {
    assert.ok(files.some((file) => file.startsWith(`${service}/`)));
  }
  const others = files.filter((file) => readFileSync(join(dist, file)).some((byte) => byte > 127));
  assert.deepEqual(others, [], 'write the character as \\u in its regular expression');
});
