/** Checks that docs/controls.md is what is declared, or writes it with --write. Ends with 1 when something claimed is not so. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'prettier';
import { faults, page } from './page.ts';

const file = join(import.meta.dirname, '../../docs/controls.md');
const wanted = await format(page(), { parser: 'markdown', printWidth: 100, proseWrap: 'preserve' });
const found = faults();
if (process.argv.includes('--write')) writeFileSync(file, wanted);
else if (readFileSync(file, 'utf8') !== wanted) {
  found.push(
    'docs/controls.md is not current: node scripts/node24.mjs tests/controls/main.ts --write',
  );
}
for (const fault of found) process.stderr.write(`${fault}\n`);
process.exitCode = found.length === 0 ? 0 : 1;
