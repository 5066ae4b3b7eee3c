import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');

test('every service says first what it holds, what an attacker who has it can do, and what not', () => {
  for (const file of globSync('services/*/README.md', { cwd: root })) {
    const text = readFileSync(join(root, file), 'utf8');
    const [first = ''] = text.split('\n');
    assert.match(
      first,
      /^\*\*Trust:\*\* holds .+; an attacker who controls .+ can .+; cannot .+\.$/,
      file,
    );
  }
});

test('docs/trust.md has one row for every process that is built, and none for others', () => {
  const processes = globSync('services/*/src/processes/*.ts', { cwd: root })
    .map((file) => `${file.split('/')[1] ?? ''}/${basename(file, '.ts')}`)
    .filter((name) => !name.endsWith('.test'))
    .sort();
  const rows = [
    ...readFileSync(join(root, 'docs/trust.md'), 'utf8').matchAll(
      /^\| `([a-z-]+\/[a-z-]+)` +\|(.+)\|(.+)\|(.+)\|$/gm,
    ),
  ];
  assert.deepEqual(rows.map((row) => row[1]).sort(), processes);
  for (const [, name, ...cells] of rows) {
    for (const cell of cells) assert.ok(cell.trim().length > 10, `${name ?? ''}: empty cell`);
  }
});
