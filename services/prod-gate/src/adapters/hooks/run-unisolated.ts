/**
 * Runs a hook with nothing between it and this machine, for the demo where bubblewrap is missing: it may read and change
 * whatever the deliverer's user may, its own private copies included. The hook contract holds: the same environment, with
 * paths that lead to the same things, and the credential on the same descriptor.
 */
import { SandboxError } from '@airlock/sandbox/errors';
import { runUnisolated } from '@airlock/sandbox/unisolated';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { HookExecutor } from './run-hook.ts';

/** @param nodeBinary runs every hook, because the interpreter that a hook names exists in the sandbox only. */
export function unisolatedExecutor(nodeBinary: string): HookExecutor {
  return {
    isolation: 'none',
    async run({ command, env, binds, files, inheritFds, limits, ...options }) {
      if (files.length > 0)
        throw new SandboxError('sandbox-options-refused', 'files in memory need a sandbox');
      // The sandbox's tree as links. Its short name is for the socket to the database, whose path may have 107 bytes.
      const root = await mkdtemp(join(tmpdir(), 'airlock-hook-'));
      const outside = (path: string): string =>
        binds.some(({ target }) => path === target || path.startsWith(`${target}/`))
          ? join(root, path)
          : path;
      try {
        for (const { source, target } of binds) {
          const link = join(root, target);
          await mkdir(dirname(link), { recursive: true });
          await symlink(source, link);
        }
        return await runUnisolated({
          // By the link's own place: a package.json above the private copy must not decide how the hook is read.
          command: [nodeBinary, '--preserve-symlinks-main', ...command.map(outside)],
          env: Object.fromEntries(
            Object.entries(env).map(([name, value]) => [name, outside(value)]),
          ),
          workingDirectory: outside(options.workingDirectory),
          wallSeconds: limits.wallSeconds,
          ...(inheritFds === undefined ? {} : { inheritFds }),
          onOutput: options.onOutput,
          signal: options.signal,
        });
      } finally {
        await rm(root, { recursive: true, force: true });
      }
    },
  };
}
