import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { keepDiffering } from './keep-differing.ts';

let root: string;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'airlock-differing-'));
});
after(() => {
  rmSync(root, { recursive: true });
});

test('the last ten artifacts that differ are kept, whole and by their digest', async () => {
  const directory = join(root, 'differing');
  for (let number = 1; number <= 12; number += 1) {
    const file = join(root, 'artifact');
    writeFileSync(file, `made ${number}`);
    utimesSync(file, number, number);
    const path = await keepDiffering(directory, { file, digest: `digest-${number}` });
    assert.equal(readFileSync(path, 'utf8'), `made ${number}`);
  }
  const names = Array.from({ length: 10 }, (_, index) => `digest-${index + 3}`);
  assert.deepEqual(readdirSync(directory).sort(), names.sort());
});
