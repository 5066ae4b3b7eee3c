import { runSandboxed } from '@airlock/sandbox/bubblewrap';
import type { Isolation } from './isolation.ts';

const workspaceInside = '/build';
const inputInside = '/run/airlock/input';

/**
 * Every command in a sandbox of its own, so that nothing but the workspace goes from one step to the next.
 *
 * @param nodeBinary absolute path of a Node binary, not a link, shown as /opt/node/bin/node; null for none.
 */
export function bubblewrapIsolation(nodeBinary: string | null): Isolation {
  return {
    mode: 'bubblewrap',
    run: ({ command, env, workspace, writable, input, wallSeconds, onOutput, signal }) =>
      runSandboxed({
        command,
        env: {
          PATH: '/opt/node/bin:/usr/local/bin:/usr/bin:/bin',
          ...env,
          HOME: workspaceInside,
          CI_WORKSPACE: workspaceInside,
          ...(input === undefined ? {} : { AIRLOCK_INPUT: inputInside }),
        },
        binds: [
          { source: workspace, target: workspaceInside, writable },
          ...(input === undefined ? [] : [{ source: input, target: inputInside }]),
          ...(nodeBinary === null ? [] : [{ source: nodeBinary, target: '/opt/node/bin/node' }]),
        ],
        files: [],
        workingDirectory: workspaceInside,
        hostname: 'build',
        // Wide enough for large builds; what they protect is the machine, not fairness between jobs.
        limits: { wallSeconds, fileBytes: 8 * 1024 ** 3, processes: 2048, openFiles: 8192 },
        onOutput,
        signal,
      }),
  };
}
