/**
 * Builds what browsers load: the islands as modules, the style sheet, the tabs' icons; every file under a name with the hash of
 * its content, and manifest.json from plain names to those.
 *
 * Of Primer's 1 900 colour tokens the style sheet gets the ones that it uses, light and dark.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { build, transform } from 'esbuild';

const root = join(import.meta.dirname, '..');
const islandsDirectory = join(root, 'packages/web/src/islands');
const assetsDirectory = join(root, 'packages/web/src/assets');
const themes = join(root, 'node_modules/@primer/primitives/dist/css/functional/themes');
const islands = ['passkey.ts', 'live.ts', 'keys.ts', 'log.ts', 'log-window.ts'];
const icons = ['favicon-gate.svg', 'favicon-nonprod.svg'];

const sha256 = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex');

/** Changes whenever the outcome could. */
function fingerprint(): string {
  const sources = [
    import.meta.filename,
    join(root, 'package-lock.json'),
    ...[islandsDirectory, assetsDirectory].flatMap((directory) =>
      readdirSync(directory).map((name) => join(directory, name)),
    ),
  ];
  return sha256(
    sources.map((file) => `${basename(file)} ${sha256(readFileSync(file))}\n`).join(''),
  );
}

interface Stamp {
  readonly fingerprint: string;
  readonly files: readonly string[];
}

function isFresh(directory: string, now: string): boolean {
  const file = join(directory, 'stamp.json');
  if (!existsSync(file)) return false;
  // Written by this file alone; a damaged stamp fails the comparison below and is built again.
  const stamp = JSON.parse(readFileSync(file, 'utf8')) as Stamp;
  return (
    stamp.fingerprint === now && stamp.files.every((name) => existsSync(join(directory, name)))
  );
}

/** The first block of a theme file: its tokens by name. */
function tokensOf(theme: 'light' | 'dark'): ReadonlyMap<string, string> {
  const css = readFileSync(join(themes, `${theme}.css`), 'utf8').replaceAll(/\/\*[^]*?\*\//g, '');
  const block = css.slice(css.indexOf('{') + 1, css.indexOf('}'));
  return new Map(
    [...block.matchAll(/(--[\w-]+):\s*([^;]+);/g)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  );
}

const namesIn = (css: string): string[] =>
  [...css.matchAll(/var\((--[\w-]+)/g)].map(([, name = '']) => name);

/** Declarations of every token that the style sheet uses, and of the tokens that those are made of. */
function declarations(css: string, theme: 'light' | 'dark'): string {
  const tokens = tokensOf(theme);
  const own = new Set([...css.matchAll(/(--[\w-]+):/g)].map(([, name = '']) => name));
  const found = new Map<string, string>();
  const open = namesIn(css).filter((name) => !own.has(name));
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    const value = tokens.get(name);
    if (value === undefined)
      throw new Error(`style.css uses ${name}, which Primer's ${theme} theme lacks`);
    found.set(name, value);
    open.push(...namesIn(value));
  }
  return [...found.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value};`)
    .join('');
}

async function styleSheet(): Promise<string> {
  const css = readFileSync(join(assetsDirectory, 'style.css'), 'utf8');
  const tokens = `:root{${declarations(css, 'light')}}@media (prefers-color-scheme:dark){:root{${declarations(css, 'dark')}}}`;
  const { code } = await transform(tokens + css, { loader: 'css', minify: true, target: 'es2022' });
  return code;
}

async function scripts(): Promise<[string, Uint8Array][]> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: islands.map((name) => join(islandsDirectory, name)),
    outdir: 'unused',
    write: false,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'eof',
    logLevel: 'error',
  });
  return outputFiles.map(({ path, contents }) => [basename(path), contents]);
}

/** Builds into `outDirectory` unless nothing changed since. Files of earlier builds are taken away. */
export async function buildAssets(outDirectory: string): Promise<void> {
  const now = fingerprint();
  if (isFresh(outDirectory, now)) return;
  const [css, modules] = await Promise.all([styleSheet(), scripts()]);
  const built: [string, string | Uint8Array][] = [
    ['style.css', css],
    ...modules,
    ...icons.map((name): [string, Uint8Array] => [name, readFileSync(join(assetsDirectory, name))]),
  ];
  mkdirSync(outDirectory, { recursive: true });
  const manifest: Record<string, string> = {};
  for (const [name, content] of built) {
    const extension = extname(name);
    const hashed = `${basename(name, extension)}-${sha256(content).slice(0, 12)}${extension}`;
    writeFileSync(join(outDirectory, hashed), content);
    manifest[name] = hashed;
  }
  writeFileSync(join(outDirectory, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const files = [...Object.values(manifest), 'manifest.json'];
  const stamp: Stamp = { fingerprint: now, files };
  writeFileSync(join(outDirectory, 'stamp.json'), JSON.stringify(stamp));
  for (const name of readdirSync(outDirectory)) {
    if (!files.includes(name) && name !== 'stamp.json') rmSync(join(outDirectory, name));
  }
}
