/**
 * Makes the manual that both sites show of themselves: each page of docs/ as HTML, and pages.json, which says what there is.
 *
 * A link to a page or heading that is not there ends the build. Where a page names a file of the source, the manual says which;
 * it is not there for readers to open.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import MarkdownIt, { type Token } from 'markdown-it';

const summaryLength = 220;

interface Page {
  /** Below `/manual/`. */
  readonly path: string;
  readonly file: string;
  readonly title: string;
  /** The first words under the title. */
  readonly summary: string;
  readonly sections: readonly { readonly id: string; readonly title: string }[];
  readonly tokens: readonly Token[];
  readonly ids: ReadonlySet<string>;
}

const markdown = new MarkdownIt({ html: false });
// What is wider than the page scrolls by itself, by keyboard as well, and looks as it does on every other page.
const scrolls = (label: string): string => `role="region" aria-label="${label}" tabindex="0"`;
Object.assign(markdown.renderer.rules, {
  table_open: () => `<div class="table-scroll" ${scrolls('Table')}><table>`,
  table_close: () => '</table></div>',
  fence: (tokens: readonly Token[], at: number) =>
    `<pre class="code-block" ${scrolls('Example')}><code>${markdown.utils.escapeHtml(tokens[at]?.content ?? '')}</code></pre>`,
});

/** Of a heading, as forges make it, so that one link leads to the same place here and there. */
const idOf = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/gu, '-');

const textOf = (token: Token | undefined): string =>
  (token?.children ?? [])
    .map(({ type, content }) => (type === 'softbreak' ? ' ' : content))
    .join('');

function shortened(text: string): string {
  if (text.length <= summaryLength) return text;
  return `${text.slice(0, text.lastIndexOf(' ', summaryLength))} …`;
}

function read(root: string, name: string): Page {
  const file = `docs/${name}`;
  const tokens = markdown.parse(readFileSync(join(root, file), 'utf8'), {});
  if (tokens[0]?.type !== 'heading_open' || tokens[0].tag !== 'h1') {
    throw new Error(`${file} does not begin with its title (# …)`);
  }
  const rest = tokens.slice(3);
  const ids = new Set<string>();
  const sections: { id: string; title: string }[] = [];
  for (const [at, token] of rest.entries()) {
    // A column's alignment; our pages take no style but the style sheet's.
    if (/^t[hd]_open$/.test(token.type)) token.attrs = null;
    if (token.type !== 'heading_open') continue;
    const title = textOf(rest[at + 1]);
    const plain = idOf(title);
    let id = plain;
    for (let again = 1; ids.has(id); again += 1) id = `${plain}-${again}`;
    ids.add(id);
    token.attrSet('id', id);
    if (token.tag === 'h2') sections.push({ id, title });
  }
  const first = rest.findIndex(({ type, level }) => type === 'paragraph_open' && level === 0);
  return {
    ...{ file, path: name.replace(/\.md$/, ''), title: textOf(tokens[1]) },
    ...{ summary: shortened(textOf(rest[first + 1])), sections, tokens: rest, ids },
  };
}

/** @throws when something that a page links to is not there. */
function linkPages(root: string, page: Page, pages: ReadonlyMap<string, Page>): void {
  const open: Token[] = [];
  for (const token of page.tokens.flatMap(({ children }) => children ?? [])) {
    if (token.type === 'link_close') token.tag = open.pop()?.tag ?? 'a';
    if (token.type !== 'link_open') continue;
    open.push(token);
    const href = String(token.attrGet('href') ?? '');
    if (/^https:/.test(href)) {
      token.attrSet('rel', 'noreferrer');
      continue;
    }
    const [path = '', fragment] = href.split('#');
    const file = path === '' ? page.file : posix.join(posix.dirname(page.file), path);
    const target = pages.get(file);
    const isThere =
      target === undefined
        ? existsSync(join(root, file))
        : fragment === undefined || target.ids.has(fragment);
    if (!isThere) throw new Error(`${page.file}: ${href} leads nowhere`);
    if (target === undefined) {
      token.tag = 'span';
      token.attrs = [['title', file]];
    } else {
      const place = fragment === undefined ? '' : `#${fragment}`;
      token.attrSet('href', path === '' ? place : `/manual/${target.path}${place}`);
    }
  }
}

/**
 * Builds into `outDirectory`; pages of earlier builds are taken away.
 *
 * @param root holds docs/, and what its pages link to.
 * @throws when a page has no title, or links to what is not there.
 */
export function buildManual(outDirectory: string, root = join(import.meta.dirname, '..')): void {
  const names = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => name.replaceAll('\\', '/'))
    .toSorted();
  const pages = new Map(names.map((name) => read(root, name)).map((page) => [page.file, page]));
  for (const page of pages.values()) linkPages(root, page, pages);
  rmSync(outDirectory, { recursive: true, force: true });
  for (const { path, tokens } of pages.values()) {
    const out = join(outDirectory, `${path}.html`);
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, markdown.renderer.render([...tokens], markdown.options, {}));
  }
  const told = [...pages.values()]
    .map(({ path, file, title, summary, sections }) => ({ path, file, title, summary, sections }))
    .toSorted((a, b) => a.title.localeCompare(b.title, 'en'));
  writeFileSync(join(outDirectory, 'pages.json'), `${JSON.stringify(told, null, 1)}\n`);
}
