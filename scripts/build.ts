/**
 * Bundles every process to dist/<service>/<process>.mjs, the pages' assets to dist/assets, and the manual to dist/manual.
 *
 * A process starts several times faster from a bundle, and the bundle is what a production image carries. One esbuild call a
 * service: the gate's output is made without any file of nonprod in reach, which the architecture test reads from `inputs`.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { checkoutCommit } from '@airlock/cli/checkout';
import { buildFile, bundleDigest, type BuildFacts } from '@airlock/process/build';
import { build } from 'esbuild';
import { buildAssets } from './build-assets.ts';
import { buildManual } from './build-manual.ts';
import { plainHttp, usedIcons, wasmFiles } from './lean-bundles.ts';
import { generatePrismaClients } from './prisma-generate.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

export interface Bundle {
  readonly name: string;
  readonly directory: string;
  readonly processes: readonly string[];
}

export const bundles: readonly Bundle[] = [
  { name: 'nonprod', directory: 'services/nonprod', processes: ['web', 'scheduler', 'outbox'] },
  { name: 'hook-relay', directory: 'services/hook-relay', processes: ['relay'] },
  {
    name: 'runner',
    directory: 'services/runner',
    processes: ['agent', 'airlock-runner', 'join', 'selftest'],
  },
  { name: 'rebuilder', directory: 'services/rebuilder', processes: ['rebuilder'] },
  { name: 'signer', directory: 'services/signer', processes: ['signer'] },
  {
    name: 'prod-gate',
    directory: 'services/prod-gate',
    processes: ['intake', 'web', 'authority', 'deliverer', 'watchdog'],
  },
];

interface Stamp {
  readonly lock: string;
  readonly inputs: Record<string, string>;
}

const lockDigest = (): string =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');

function fingerprint(file: string): string {
  const path = join(root, file);
  if (!existsSync(path)) return 'gone';
  const { mtimeMs, size } = statSync(path);
  return `${mtimeMs}:${size}`;
}

function isFresh(stampFile: string, lock: string): boolean {
  if (!existsSync(stampFile)) return false;
  // Written by this file alone; a damaged stamp fails the comparison below and is rebuilt.
  const stamp = JSON.parse(readFileSync(stampFile, 'utf8')) as Stamp;
  return (
    stamp.lock === lock &&
    Object.entries(stamp.inputs).every(([file, was]) => fingerprint(file) === was)
  );
}

async function bundle({ name, directory, processes }: Bundle, lock: string): Promise<void> {
  const out = join(dist, name);
  const stampFile = join(out, 'stamp.json');
  if (isFresh(stampFile, lock)) return;
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const result = await build({
    absWorkingDir: root,
    entryPoints: processes.map((process) => `${directory}/src/processes/${process}.ts`),
    outdir: out,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    conditions: ['source'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    // A process keeps the text that it runs. The lines are for the columns of a stack trace.
    minifyWhitespace: true,
    lineLimit: 160,
    plugins: [plainHttp, usedIcons, wasmFiles],
    assetNames: '[name]-[hash]',
    metafile: true,
    logLevel: 'error',
    // CommonJS packages inside an ES module bundle still call require(). And V8's young generation stays at the mebibyte that
    // it begins with, from before the first line of ours: grown, it takes 50 MB, and outlives in it the buffers of each flood,
    // which only a collection of everything then frees.
    banner: {
      js: "import { setFlagsFromString as __setV8Flags } from 'node:v8'; __setV8Flags('--semi-space-growth-factor=1'); import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url); const __filename = import.meta.filename; const __dirname = import.meta.dirname;",
    },
    external: ['pg-native', 'msgpackr-extract'],
  });
  const files = Object.keys(result.metafile.inputs).filter(
    (file) => !/^(?:wasm|plain-http):/.test(file),
  );
  const inputs = files.filter((file) => !file.startsWith('node_modules/'));
  writeFileSync(join(out, 'inputs.json'), JSON.stringify(files.sort(), null, 1));
  const stamp: Stamp = {
    lock,
    inputs: Object.fromEntries(inputs.map((file) => [file, fingerprint(file)])),
  };
  writeFileSync(stampFile, JSON.stringify(stamp));
}

/** Also where nothing was built anew: another commit may make the same bundle. */
function writeFacts({ name }: Bundle, commit: string | null): void {
  const out = join(dist, name);
  const facts: BuildFacts = { commit, digest: bundleDigest(out) };
  // A process that starts meanwhile reads the old facts or the new ones, and no half.
  const fresh = join(out, `${buildFile}.${process.pid}`);
  writeFileSync(fresh, `${JSON.stringify(facts)}\n`);
  renameSync(fresh, join(out, buildFile));
}

/** Builds what changed since the last build. */
export async function buildAll(): Promise<void> {
  await generatePrismaClients();
  const lock = lockDigest();
  await Promise.all([
    ...bundles.map((each) => bundle(each, lock)),
    buildAssets(join(dist, 'assets')),
  ]);
  buildManual(join(dist, 'manual'));
  const commit = checkoutCommit();
  for (const each of bundles) writeFacts(each, commit);
}

if (import.meta.main) await buildAll();
