import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { format, resolveConfig } from 'prettier';

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

/** The table of docs/trust.md; its cells are prose in one line, without Markdown. */
const rows = [
  ...readFileSync(join(root, 'docs/trust.md'), 'utf8').matchAll(
    /^\| `([a-z-]+\/[a-z-]+)` +\|(.+)\|(.+)\|(.+)\|$/gm,
  ),
].map(([, name = '', ...cells]) => {
  const [holds = '', can = '', cannot = ''] = cells.map((cell) => cell.trim());
  return { name, holds, can, cannot };
});

test('docs/trust.md has one row for every process that is built, and none for others', () => {
  const processes = globSync('services/*/src/processes/*.ts', { cwd: root })
    .map((file) => `${file.split('/')[1] ?? ''}/${basename(file, '.ts')}`)
    .filter((name) => !name.endsWith('.test'))
    .sort();
  assert.deepEqual(rows.map(({ name }) => name).sort(), processes);
  for (const { name, ...cells } of rows) {
    for (const [column, cell] of Object.entries(cells)) {
      assert.ok(cell.length > 10, `${name}: ${column} says nothing`);
      assert.doesNotMatch(cell, /[`*_[\]\\]/, `${name}: ${column} is shown as plain text`);
    }
  }
});

test('the gate’s page shows that table; `--test-update-snapshots` writes it anew', async (context) => {
  const file = join(root, 'services/prod-gate/src/app/trusted-processes.ts');
  const text = `/** Who is trusted with what: the table of docs/trust.md, written from there by tests/docs/trust-sentences.test.ts. */
export const trustedProcesses: readonly {
  readonly name: string;
  readonly holds: string;
  readonly can: string;
  readonly cannot: string;
}[] = ${JSON.stringify(rows)};
`;
  const options = await resolveConfig(file);
  const written = await format(text, { ...options, filepath: file });
  context.assert.fileSnapshot(written, file, { serializers: [String] });
});
