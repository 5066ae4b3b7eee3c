import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Isolation } from './isolation.ts';

/**
 * No isolation: commands run as this process's own user. For the demo on a machine without bubblewrap; whoever may change
 * the repository has this user's rights here. What ran is attested with mode `none`.
 *
 * @param nodeDirectory directory of a Node binary for the PATH; null for none.
 */
export function noIsolation(nodeDirectory: string | null): Isolation {
  return {
    mode: 'none',
    async run({ command, env, workspace, input, wallSeconds, onOutput, signal }) {
      const started = performance.now();
      const [program = '/bin/sh', ...args] = command;
      const child = spawn(program, args, {
        cwd: workspace,
        env: {
          PATH: `${nodeDirectory === null ? '' : `${nodeDirectory}:`}/usr/local/bin:/usr/bin:/bin`,
          ...env,
          HOME: workspace,
          CI_WORKSPACE: workspace,
          ...(input === undefined ? {} : { AIRLOCK_INPUT: input }),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      });
      const ending: { reason: 'timed-out' | 'cancelled' | null } = { reason: null };
      const kill = (reason: 'timed-out' | 'cancelled'): void => {
        ending.reason ??= reason;
        killGroup(child.pid);
      };
      const timer = setTimeout(kill, wallSeconds * 1000, 'timed-out');
      const onAbort = (): void => {
        kill('cancelled');
      };
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) onAbort();
      const exited = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', (code, by) => {
          // What it left behind would hold the output open.
          killGroup(child.pid);
          resolve([code, by]);
        });
      });
      const relay = async (name: 'stdout' | 'stderr', stream: Readable): Promise<void> => {
        // A stream without an encoding yields buffers.
        const chunks: AsyncIterable<Buffer> = stream;
        for await (const chunk of chunks) await onOutput(name, chunk);
      };
      try {
        const [[exitCode, bySignal]] = await Promise.all([
          exited,
          relay('stdout', child.stdout),
          relay('stderr', child.stderr),
        ]);
        const result = { durationMs: Math.round(performance.now() - started), enforced: [] };
        if (ending.reason !== null)
          return { outcome: ending.reason, exitCode: null, signal: null, ...result };
        return {
          outcome: bySignal === null ? 'exited' : 'signalled',
          exitCode,
          signal: bySignal,
          ...result,
        };
      } finally {
        killGroup(child.pid);
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      }
    },
  };
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // ESRCH: all of them are gone already.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
