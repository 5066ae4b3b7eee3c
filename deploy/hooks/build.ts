/**
 * Builds a deploy hook from its source: `node deploy/hooks/build.ts NAME INTO` makes INTO/NAME with `hook.yaml` and the
 * executable `run`. The same source and lock file give the same bytes, so the digest that a target pins can be computed
 * by anybody.
 */
import { chmod, copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

/** @returns the built directory. */
export async function buildHook(name: string, into: string): Promise<string> {
  const source = join(import.meta.dirname, name);
  const out = join(into, name);
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await build({
    // From the root, so that no path of this machine ends in the bundle.
    absWorkingDir: join(import.meta.dirname, '../..'),
    entryPoints: [`deploy/hooks/${name}/run.ts`],
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
  const [name, into] = process.argv.slice(2);
  if (name === undefined || into === undefined) {
    process.stderr.write('usage: node deploy/hooks/build.ts NAME INTO\n');
    process.exitCode = 2;
  } else {
    process.stdout.write(`${await buildHook(name, into)}\n`);
  }
}
