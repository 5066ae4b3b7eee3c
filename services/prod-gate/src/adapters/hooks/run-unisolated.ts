/**
 * Runs a hook with nothing between it and this machine, for the demo where bubblewrap is missing: it may read and change
 * whatever the deliverer's user may, its own private copies included. The hook contract holds: the same environment, with
 * paths that lead to the same things, and the credentials on the same descriptor.
 */
import { runUnisolated } from '@airlock/sandbox/unisolated';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { HookExecutor } from './run-hook.ts';

/** @param nodeBinary runs every hook, because the interpreter that a hook names exists in the sandbox only. */
export function unisolatedExecutor(nodeBinary: string): HookExecutor {
  return {
    isolation: 'none',
    async run(options) {
      // The sandbox's tree as links. Its short name is for the sockets, whose paths may have 107 bytes.
      const root = await mkdtemp(join(tmpdir(), 'airlock-hook-'));
      const place = (path: string): string => join(root, path);
      try {
        const { command, env, binds, files, inheritFds, limits, ...rest } = options(place);
        for (const { source, target } of binds) {
          await mkdir(dirname(place(target)), { recursive: true });
          await symlink(source, place(target));
        }
        for (const { target, content } of files) {
          await mkdir(dirname(place(target)), { recursive: true });
          await writeFile(place(target), content, { flag: 'wx', mode: 0o444 });
        }
        return await runUnisolated({
          // By the link's own place: a package.json above the private copy must not decide how the hook is read.
          command: [nodeBinary, '--preserve-symlinks-main', ...command],
          env,
          workingDirectory: rest.workingDirectory,
          wallSeconds: limits.wallSeconds,
          ...(inheritFds === undefined ? {} : { inheritFds }),
          onOutput: rest.onOutput,
          // Nothing here asks a hook to end: what is stopped is killed.
          signal: AbortSignal.any(
            [rest.signal, rest.cancelled].filter((each) => each !== undefined),
          ),
        });
      } finally {
        await rm(root, { recursive: true, force: true });
      }
    },
  };
}
