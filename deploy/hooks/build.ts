/**
 * Builds a deploy hook from its source: `node deploy/hooks/build.ts NAME INTO [FROM]` makes INTO/NAME with `hook.yaml` and
 * the executable `run`, of `hook.yaml` and `run.ts` in FROM (left out: the hook NAME that stands beside this file). The same
 * source and lock file at the same place relative to this repository give the same bytes, so the digest that a target pins
 * can be computed by anybody.
 */
import { chmod, copyFile, mkdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { build } from 'esbuild';

/** @returns the built directory. */
export async function buildHook(
  name: string,
  into: string,
  source = join(import.meta.dirname, name),
): Promise<string> {
  const root = join(import.meta.dirname, '../..');
  const out = join(into, name);
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await build({
    // From the root, so that no path of this machine ends in the bundle.
    absWorkingDir: root,
    entryPoints: [relative(root, join(source, 'run.ts'))],
    // A hook that stands elsewhere finds the packages of this repository.
    nodePaths: [join(root, 'node_modules')],
    outfile: join(out, 'run'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    banner: { js: '#!/opt/node/bin/node' },
    external: ['pg-native'],
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'error',
  });
  await chmod(join(out, 'run'), 0o755);
  await copyFile(join(source, 'hook.yaml'), join(out, 'hook.yaml'));
  await chmod(join(out, 'hook.yaml'), 0o644);
  return out;
}

if (import.meta.main) {
  const [name, into, from] = process.argv.slice(2);
  if (name === undefined || into === undefined) {
    process.stderr.write('usage: node deploy/hooks/build.ts NAME INTO [FROM]\n');
    process.exitCode = 2;
  } else {
    process.stdout.write(`${await buildHook(name, into, from)}\n`);
  }
}
