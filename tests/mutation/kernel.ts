/** The kernel with every mutant in it, as one module in memory. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import type { runConformance } from '@airlock/cli/conformance';
import type { admit } from '@airlock/common/verify/verify-promotion-bundle';
import type { judgeApprovals, verifyApprovals } from '@airlock/common/approval/verify-approvals';
import type { AirlockError } from '@airlock/common/errors';
import type { importTrust } from '@airlock/common/trust/signer';
import { instrument, type Site } from './instrument.ts';

const root = join(import.meta.dirname, '../..');
const kernelSource = /packages\/common\/src\/.*\.ts$/;
const entry = `
export { runConformance } from '@airlock/cli/conformance';
export { admit } from '@airlock/common/verify/verify-promotion-bundle';
export { judgeApprovals, verifyApprovals } from '@airlock/common/approval/verify-approvals';
export { importTrust } from '@airlock/common/trust/signer';
export { AirlockError } from '@airlock/common/errors';
`;

export type KernelModule = {
  readonly runConformance: typeof runConformance;
  readonly admit: typeof admit;
  readonly judgeApprovals: typeof judgeApprovals;
  readonly verifyApprovals: typeof verifyApprovals;
  readonly importTrust: typeof importTrust;
  readonly AirlockError: typeof AirlockError;
};

export type MutableKernel = {
  readonly module: KernelModule;
  /** Every site that the kernel's own paths can reach. */
  readonly sites: readonly Site[];
  /** Runs `work` with these sites switched, and gives what it gives and which sites it came by. */
  run<Result>(
    switched: readonly number[],
    work: () => Result,
  ): { readonly result: Result; readonly seen: ReadonlySet<number> };
};

/** More turns of loops than any case needs; a mutant that never ends is ended here. */
const maxTicks = 2_000_000;

export async function loadMutableKernel(): Promise<MutableKernel> {
  const sites: Site[] = [];
  let id = 0;
  const nextId = () => (id += 1);
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: join(root, 'tests'), loader: 'ts' },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    conditions: ['source'],
    logLevel: 'error',
    plugins: [
      {
        name: 'mutants',
        setup: (esbuild) => {
          esbuild.onLoad({ filter: kernelSource }, ({ path }) => {
            const file = relative(join(root, 'packages/common/src'), path);
            const { code, sites: found } = instrument(file, readFileSync(path, 'utf8'), nextId);
            sites.push(...found);
            return { contents: code, loader: 'ts' };
          });
        },
      },
    ],
  });
  const [output] = outputFiles;
  if (output === undefined) throw new Error('esbuild gave no output');
  const present = new Set(
    [...output.text.matchAll(/__mutants\.on\((\d+)\)/g)].map(([, number]) => Number(number)),
  );
  let switched: ReadonlySet<number> = new Set();
  let seen = new Set<number>();
  let ticks = 0;
  Object.assign(globalThis, {
    __mutants: {
      on: (site: number) => {
        seen.add(site);
        return switched.has(site);
      },
      tick: () => {
        ticks += 1;
        if (ticks > maxTicks) throw new RangeError('a loop that does not end');
      },
    },
  });
  return {
    module: await importText(output.text),
    sites: sites.filter((site) => present.has(site.id)),
    run: (ids, work) => {
      switched = new Set(ids);
      seen = new Set();
      ticks = 0;
      try {
        return { result: work(), seen };
      } finally {
        switched = new Set();
      }
    },
  };
}

async function importText(text: string): Promise<KernelModule> {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-mutants-'));
  try {
    const file = join(directory, 'kernel.mjs');
    writeFileSync(file, text);
    // Its exports are those of `entry`.
    return (await import(pathToFileURL(file).href)) as KernelModule;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
