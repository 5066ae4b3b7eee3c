/** M13: the manual that both sites show is docs/ as it stands, and each page says where it is edited. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { loadManual, ManualSettings } from '@airlock/web/manual';
import { buildManual } from '../../scripts/build-manual.ts';

const root = join(import.meta.dirname, '../..');

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-manual-'));
  t.after(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** The manual of a tree with these files below docs/. */
function built(t: TestContext, pages: Readonly<Record<string, string>>): string {
  const source = temporary(t);
  mkdirSync(join(source, 'docs/operations'), { recursive: true });
  for (const [name, text] of Object.entries(pages)) writeFileSync(join(source, 'docs', name), text);
  const out = join(source, 'manual');
  buildManual(out, source);
  return out;
}

test('M13: every page of docs/ is in the manual, with its title, its file and the first words of it', (t) => {
  const out = temporary(t);
  buildManual(out);
  const { pages } = loadManual({ directory: out, editAt: null });
  const files = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`);
  assert.deepEqual(pages.map(({ file }) => file).toSorted(), files.toSorted());
  for (const { file, title, summary } of pages) {
    assert.ok(readFileSync(join(root, file), 'utf8').startsWith(`# ${title}\n`), file);
    assert.ok(summary.length > 20, `${file}: ${summary}`);
  }
});

test('a link to another page leads there in the manual, one to the source names the file', (t) => {
  const out = built(t, {
    'a.md':
      '# A\n\nSee [keys](operations/keys.md#how-long), [it](keys.json), [far](https://example.org/).\n',
    'keys.json': '{}',
    'operations/keys.md': '# Keys\n\nBack to [A](../a.md).\n\n## How long?\n',
  });
  const page = readFileSync(join(out, 'a.html'), 'utf8');
  assert.ok(page.includes('<a href="/manual/operations/keys#how-long">keys</a>'), page);
  assert.ok(page.includes('<span title="docs/keys.json">it</span>'), page);
  assert.ok(page.includes('<a href="https://example.org/" rel="noreferrer">far</a>'), page);
  const keys = readFileSync(join(out, 'operations/keys.html'), 'utf8');
  assert.ok(keys.includes('<h2 id="how-long">How long?</h2>'), keys);
  assert.ok(keys.includes('<a href="/manual/a">A</a>'), keys);
});

for (const [what, text] of [
  ['page', '[gone](operations/gone.md)'],
  ['heading', '[gone](a.md#gone)'],
  ['file', '[gone](../src/gone.ts)'],
]) {
  test(`a link to a ${what} that is not there ends the build, which says where`, (t) => {
    assert.throws(() => built(t, { 'a.md': `# A\n\n${text}\n` }), /^Error: docs\/a\.md: .*gone/);
  });
}

test('what looks like HTML in a page is text in the manual', (t) => {
  const out = built(t, {
    'a.md': '# A\n\n<script>alert(1)</script> "quoted"\n\n```sh\n<b>\n```\n',
  });
  const page = readFileSync(join(out, 'a.html'), 'utf8');
  assert.doesNotMatch(page, /<script|<b>/);
  assert.ok(page.includes('&lt;script&gt;alert(1)&lt;/script&gt; &quot;quoted&quot;'), page);
});

test('no page of the manual brings a style of its own', (t) => {
  const out = built(t, { 'a.md': '# A\n\n| n |\n| -: |\n| 1 |\n' });
  const page = readFileSync(join(out, 'a.html'), 'utf8');
  assert.match(page, /<th>n<\/th>[^]*<td>1<\/td>/);
});

test('M13: the address where a page is edited is made of its file', (t) => {
  const directory = built(t, { 'operations/keys.md': '# Keys\n\nThat are kept.\n' });
  const settings = { directory, editAt: 'https://git.example/airlock/_edit/main/{file}' };
  const manual = loadManual(ManualSettings.parse(settings) ?? assert.fail());
  const [page = assert.fail()] = manual.pages;
  assert.equal(
    manual.editAddress(page),
    'https://git.example/airlock/_edit/main/docs/operations/keys.md',
  );
  const nowhere = ManualSettings.safeParse({ directory, editAt: 'https://git.example/airlock' });
  assert.match(nowhere.error?.message ?? '', /needs \{file\}/);
  const script = ManualSettings.safeParse({ directory, editAt: 'javascript:alert(1)//{file}' });
  assert.equal(script.success, false);
});
