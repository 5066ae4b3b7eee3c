/** What packages carry into a bundle and a process would keep in memory for nothing. */
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';

const namespace = 'wasm';
const ending = '-base64.mjs';

/**
 * Prisma's query compiler comes as base64 in a module, whose text and value both stay in memory. Here it is a file beside the
 * bundle, and what stays is its bytes.
 */
export const wasmFiles: Plugin = {
  name: 'wasm-files',
  setup(build) {
    build.onLoad({ filter: /\.wasm-base64\.mjs$/, namespace: 'file' }, ({ path }) => ({
      contents: `
        import { readFileSync } from 'node:fs';
        import file from ${JSON.stringify(`${namespace}:${path.slice(0, -ending.length)}`)};
        export const wasm = readFileSync(new URL(file, import.meta.url));`,
    }));
    build.onResolve({ filter: /^wasm:/ }, ({ path }) => ({
      path: path.slice(namespace.length + 1),
      namespace,
    }));
    build.onLoad({ filter: /./, namespace }, async ({ path }) => {
      // The contract of Prisma's module; without it no process would start.
      const { wasm } = (await import(pathToFileURL(path + ending).href)) as { wasm: string };
      return { contents: Buffer.from(wasm, 'base64'), loader: 'file' };
    });
  },
};

/** Of the thousand drawings of Octicons those that pages use. */
export const usedIcons: Plugin = {
  name: 'used-icons',
  setup(build) {
    const namesFile = join(import.meta.dirname, '../packages/web/src/views/icon-names.ts');
    build.onLoad({ filter: /@primer\/octicons\/build\/data\.json$/ }, async ({ path }) => {
      // Ours, of the pages' package.
      const { iconNames } = (await import(namesFile)) as { iconNames: readonly string[] };
      // The package's own file: drawings by name.
      const all = JSON.parse(await readFile(path, 'utf8')) as Readonly<Record<string, unknown>>;
      const used = Object.fromEntries(iconNames.map((name) => [name, all[name]]));
      return { contents: JSON.stringify(used), loader: 'json' };
    });
  },
};

const httpNames = Object.entries(Object.getOwnPropertyDescriptors(http)).flatMap(
  ([name, property]) => ('value' in property ? [name] : []),
);

/**
 * An import of node:http reads all that it exports, and some of that loads what `fetch` is made of: 14 MB in a process that never
 * fetches. Taken from the module by name, nothing else of it is read.
 */
export const plainHttp: Plugin = {
  name: 'plain-http',
  setup(build) {
    build.onResolve({ filter: /^(?:node:)?http$/ }, ({ kind }) =>
      kind === 'require-call'
        ? null
        : { path: 'http', namespace: 'plain-http', sideEffects: false },
    );
    build.onLoad({ filter: /./, namespace: 'plain-http' }, () => ({
      contents: `
        const http = process.getBuiltinModule('node:http');
        export default http;
        export const { ${httpNames.join(', ')} } = http;`,
    }));
  },
};
