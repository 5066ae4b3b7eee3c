import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { missingPrograms } from './none.ts';

test('a program is missing when no directory of the PATH has it as something to run', () => {
  const [one, two] = [mkdtempSync(join(tmpdir(), 'path-')), mkdtempSync(join(tmpdir(), 'path-'))];
  const path = [one, two].join(delimiter);
  assert.deepEqual(missingPrograms(path), ['sh', 'tar', 'gzip']);
  for (const file of [join(one, 'sh'), join(two, 'tar'), join(two, 'gzip')]) {
    writeFileSync(file, '', { mode: 0o755 });
  }
  assert.deepEqual(missingPrograms(path), []);
  chmodSync(join(two, 'tar'), 0o644);
  assert.deepEqual(missingPrograms(path), ['tar']);
  for (const directory of [one, two]) rmSync(directory, { recursive: true });
});
