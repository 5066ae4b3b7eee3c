/** Which build runs here: what `--version`, the page for it and the figures tell. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** Semantic version of everything in this repository. */
export const version = '0.1.0';

/** Written beside a bundle when it is made. */
export const buildFile = 'build.json';

export const BuildFacts = z.strictObject({
  /** What HEAD was, with `-dirty` where files differed from it; null without git. */
  commit: z.string().nullable(),
  /** `sha256:` of the bundle, see `bundleDigest`. */
  digest: z.string().regex(/^sha256:[0-9a-f]{64}$/),
});
export type BuildFacts = z.infer<typeof BuildFacts>;

export interface Build {
  readonly version: string;
  readonly commit: string | null;
  /** Null: the process runs from a checkout, where there is no bundle to measure. */
  readonly digest: string | null;
}

/**
 * What was written down when the bundle in `directory` was made; from source where nothing was.
 *
 * @throws ZodError or SyntaxError when the file is damaged.
 */
export function readBuild(directory: string): Build {
  const file = join(directory, buildFile);
  if (!existsSync(file)) return { version, commit: null, digest: null };
  return { version, ...BuildFacts.parse(JSON.parse(readFileSync(file, 'utf8'))) };
}

/** The build of this process. In a bundle this module lies in the bundle's own directory. */
export const thisBuild = (): Build => readBuild(import.meta.dirname);

/**
 * `sha256:` over the lines `HEX  NAME` of every file that runs, in the order of their bytes, so that it can be had without us:
 * `sha256sum *.mjs *.wasm | LC_ALL=C sort -k 2 | sha256sum` in that directory.
 */
export function bundleDigest(directory: string): string {
  const sha256 = (bytes: Buffer | string): string =>
    createHash('sha256').update(bytes).digest('hex');
  const lines = readdirSync(directory)
    .filter((name) => /[.](mjs|wasm)$/.test(name))
    .sort()
    .map((name) => `${sha256(readFileSync(join(directory, name)))}  ${name}\n`);
  return `sha256:${sha256(lines.join(''))}`;
}

/** Such as `0.1.0, commit 1f2e…, build sha256:…`. */
export const buildInWords = (build: Build): string =>
  [
    build.version,
    ...(build.commit === null ? [] : [`commit ${build.commit}`]),
    build.digest === null ? 'from source' : `build ${build.digest}`,
  ].join(', ');
