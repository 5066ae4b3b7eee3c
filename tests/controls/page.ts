/** docs/controls.md, made of what drills, doctor and tests declare. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkIds, doctorControls } from '@airlock/cli/doctor';
import { drills } from '@airlock/cli/drills/index';
import { rows as declaredRows, type Row } from './rows.ts';

const root = join(import.meta.dirname, '../..');
/** How many promises the founding documents make. */
const promises = 169;

const drilled = (id: string): string[] =>
  drills.flatMap((each) => (each.controls.includes(id) ? [`\`airlock drill ${each.id}\``] : []));
const examined = (id: string): string[] =>
  checkIds.flatMap((check) =>
    doctorControls[check]?.includes(id) === true ? [`\`airlock doctor --only ${check}\``] : [],
  );
const tested = ({ tests }: Row): string[] =>
  [...new Set(tests.map((each) => each.slice(0, each.indexOf(': '))))].map(
    (file) => `[${file.slice(file.lastIndexOf('/') + 1)}](../${file})`,
  );

const shown = (row: Row): string[] => [...drilled(row.id), ...examined(row.id), ...tested(row)];
const isMet = (row: Row): boolean => row.missing === null;

/** What is claimed and not so; empty when everything is. */
export function faults(rows: readonly Row[] = declaredRows): string[] {
  const found: string[] = [];
  const ids = new Set(rows.map(({ id }) => id));
  if (ids.size !== promises || rows.length !== promises) {
    found.push(`${rows.length} rows of ${ids.size} ids; the documents make ${promises} promises`);
  }
  const declared = [
    ...drills.flatMap(({ controls }) => controls),
    ...Object.values(doctorControls).flat(),
  ];
  for (const id of new Set(declared)) {
    if (!ids.has(id)) found.push(`${id} is declared and no promise of the documents`);
  }
  for (const row of rows) {
    if (isMet(row) && shown(row).length === 0)
      found.push(`${row.id} is claimed, and nothing shows it`);
    for (const each of row.tests) {
      const colon = each.indexOf(': ');
      const [file, title] = [each.slice(0, colon), each.slice(colon + 2)];
      const isThere = title !== '' && existsSync(join(root, file));
      if (!isThere || !hasTest(readFileSync(join(root, file), 'utf8'), title)) {
        found.push(`${row.id}: ${file} has no test whose title begins with “${title}”`);
      }
    }
  }
  return found;
}

const hasTest = (source: string, title: string): boolean =>
  ["'", '"', '`'].some((quote) => source.includes(`${quote}${title}`));

export function page(): string {
  const rows = declaredRows;
  const met = rows.filter(isMet).length;
  const lines = rows.map(
    (row) =>
      `| ${row.id} | ${row.promise} | ${isMet(row) ? 'yes' : shown(row).length > 0 ? 'in part' : 'no'} | ${shown(row).join(', ')} | ${row.missing ?? ''} |`,
  );
  return `# Controls

Airlock was built after five documents on hardening a CI: Vespene’s security guide (V, VR), Buildbot’s hardening guide (B), Wiegley on
securing the Buildbot (W), MonkeyCI on security (M, MR) and “Jenkins should not be the only line of defense” (J). They make ${promises}
promises; **${met} of ${promises}** are kept here and shown by something that runs. What is kept in part, or not, says what is missing.

This page is made of what drills, doctor and tests declare; \`npm run check\` fails when it is not current:
\`node scripts/node24.mjs tests/controls/main.ts --write\`.

| id | promise | kept | shown by | what is missing |
| -- | ------- | ---- | -------- | --------------- |
${lines.join('\n')}
`;
}
