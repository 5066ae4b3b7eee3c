/** The three kinds of hook that the matrix kills, as directories that a target can pin. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readHookDirectory } from '@airlock/process/hook-directory';
import { build } from 'esbuild';
import type { Giving } from '../../services/prod-gate/src/testing/delivery-rig.ts';

export const hookKinds = ['idempotent', 'probing', 'at-most-once'] as const;
export type HookKind = (typeof hookKinds)[number];

/** How each kind gets its credentials. */
export const givingOf = {
  idempotent: 'descriptor',
  probing: 'proxied',
  'at-most-once': 'several',
} as const satisfies Record<HookKind, Giving>;

const needs: Record<HookKind, string> = {
  idempotent: '{ db: database }',
  probing: '{}',
  'at-most-once': '{ spare: database, token: kv }',
};

/** What verifies a release: not well is `badRelease` alone. It takes no credential, as `probing` takes none. */
export const looks = 'looks';
export const badRelease = '2026.11.22-2';

/** @returns what a target pins for a kind, or as its verification, as `name@sha256:…`. */
export async function installHooks(
  directory: string,
): Promise<(name: HookKind | typeof looks) => string> {
  const pins = new Map<string, string>();
  for (const kind of hookKinds) {
    const into = join(directory, kind);
    await mkdir(into);
    await build({
      absWorkingDir: join(import.meta.dirname, '../..'),
      entryPoints: ['tests/crash/hook.ts'],
      outfile: join(into, 'run'),
      bundle: true,
      format: 'cjs',
      platform: 'node',
      target: 'node24',
      define: { HOOK_KIND: JSON.stringify(kind) },
      banner: { js: '#!/opt/node/bin/node' },
      external: ['pg-native'],
      logLevel: 'error',
    });
    await chmod(join(into, 'run'), 0o755);
    await writeFile(
      join(into, 'hook.yaml'),
      [
        'version: 1',
        `name: ${kind}`,
        'summary: Leaves a row for each delivery.',
        `needs: { egress: { db: postgres }, credentials: ${needs[kind]} }`,
        `kind: ${kind}`,
        'waves: true',
        'params: {}',
        '',
      ].join('\n'),
    );
    pins.set(kind, `${kind}@sha256:${(await readHookDirectory(into)).digest}`);
  }
  const into = join(directory, looks);
  await mkdir(into);
  await writeFile(
    join(into, 'hook.yaml'),
    `version: 1\nname: ${looks}\nsummary: Looks.\nneeds: {}\nparams: {}\n`,
  );
  const script = `#!/bin/sh\necho '{}' > "$AIRLOCK_OUT/result.json"\n[ "$AIRLOCK_RELEASE" != '${badRelease}' ]\n`;
  await writeFile(join(into, 'run'), script, { mode: 0o755 });
  pins.set(looks, `${looks}@sha256:${(await readHookDirectory(into)).digest}`);
  return (name) => pins.get(name) ?? '';
}
