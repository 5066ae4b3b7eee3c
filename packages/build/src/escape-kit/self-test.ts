/** What a builder does before it takes work: an attempt to get out of its own sandbox, and a look at who reads its keys. */
import { execFileSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import type { IsolationMode } from '@airlock/common/wire/isolation';
import { accountTools, accountWorkspace } from '@airlock/sandbox/account';
import { requireProgram, runsAsRoot, unprivilegedAccount } from '@airlock/sandbox/host';
import type { Isolation } from '../isolation/isolation.ts';
import { differences, findingsDigest, goldenOf } from './compare.ts';
import type { KitFindings } from './facts.ts';
import { runEscapeKit } from './run.ts';

export type SelfTest = {
  readonly mode: IsolationMode;
  readonly probes: KitFindings;
  /** One line for each probe that found something else than it has to; none: the sandbox holds. */
  readonly differences: readonly string[];
  /** SHA-256 (hex) of what was found. */
  readonly digest: string;
};

/**
 * @param options.secretFiles absolute paths of what no build and no account of a build may read.
 * @param options.isolation with {@link ownNode} as its Node; not `none`, which keeps nothing apart.
 * @throws EscapeKitError when the kit could not be run.
 */
export async function selfTest(options: {
  isolation: Isolation;
  secretFiles: readonly string[];
  workDirectory: string;
}): Promise<SelfTest> {
  const { isolation, secretFiles } = options;
  const { mode } = isolation;
  const found = await runEscapeKit({
    ...options,
    ...(mode === 'user'
      ? { nodeInside: `${accountTools}/node`, workspaceInside: accountWorkspace }
      : { nodeInside: '/opt/node/bin/node', workspaceInside: '/build' }),
  });
  // Without a filter the kernel's settings decide what single calls do, and they differ from machine to machine.
  const kept = Object.entries(found).filter(
    ([name]) => mode !== 'user' || !name.startsWith('call '),
  );
  const probes = {
    ...Object.fromEntries(kept),
    'secret-files-by-account': readableByAccount(secretFiles),
  };
  return {
    mode,
    probes,
    differences: differences(goldenOf(mode), probes),
    digest: findingsDigest(probes),
  };
}

/** The Node that this process runs on, as a bind wants it. */
export function ownNode(): string {
  return realpathSync(process.execPath);
}

/**
 * Which of the files the account of builds could read without any sandbox around it. An ordinary user's builds have that
 * user's own account, and the sandbox alone keeps its files.
 */
function readableByAccount(files: readonly string[]): string {
  if (!runsAsRoot()) return 'none';
  const { uid, gid } = unprivilegedAccount;
  const all = [...files, `/proc/${process.pid}/environ`, '/proc/1/environ', '/var/run/docker.sock'];
  const script =
    'for file; do if [ -r "$file" ] && cat "$file" >/dev/null 2>&1; then echo "$file"; fi; done';
  const output = execFileSync(
    requireProgram('setpriv', 'util-linux'),
    [
      ...[`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs'],
      ...['--inh-caps=-all', '--bounding-set=-all', '/bin/sh', '-c', script, 'sh', ...all],
    ],
    { env: { PATH: '/usr/bin:/bin' }, encoding: 'utf8' },
  );
  const readable = output.split('\n').filter(Boolean);
  return readable.length === 0 ? 'none' : `READABLE ${readable.join(' ')}`;
}
