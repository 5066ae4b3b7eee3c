/** Runs the platform engineer's command that starts machines: its arguments as they stand, no shell, orders on its input. */
import { spawn } from 'node:child_process';
import { finished } from 'node:stream/promises';
import type { ExecutorOrder } from '../app/start-runners.ts';

const keptOutput = 2000;
const killAfterMs = 5_000;

/** @returns what runs it; throws when the command cannot be started, takes too long, or ends with anything but 0. */
export function createExecutor(
  {
    command,
    timeoutSeconds,
  }: { readonly command: readonly string[]; readonly timeoutSeconds: number },
  signal: AbortSignal,
): (order: ExecutorOrder) => Promise<void> {
  const [file = '', ...args] = command;
  return async (order) => {
    const child = spawn(file, args, {
      shell: false,
      // Nothing of this process's own: the command reads its credentials from files of its own.
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: process.env['HOME'] ?? '/' },
      stdio: ['pipe', 'ignore', 'pipe'],
      // A group of its own, so that what it started ends with it when it takes too long.
      detached: true,
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      said = `${said}${part}`.slice(-keptOutput);
    });
    const stopped: { why: string | null } = { why: null };
    const stop = (reason: string): void => {
      stopped.why ??= reason;
      killGroup(child.pid, 'SIGTERM');
      setTimeout(killGroup, killAfterMs, child.pid, 'SIGKILL').unref();
    };
    const timer = setTimeout(stop, timeoutSeconds * 1000, `took over ${timeoutSeconds} s`);
    const onAbort = (): void => {
      stop('was ended with this process');
    };
    signal.addEventListener('abort', onAbort);
    try {
      const ended = new Promise<string | null>((resolve) => {
        child.once('error', (error) => {
          resolve(`cannot be started: ${error.message}`);
        });
        child.once('close', (code, killed) => {
          resolve(code === 0 ? null : `ended with ${code ?? killed ?? 'nothing'}`);
        });
      });
      // A command that reads nothing of it may succeed all the same.
      const written = finished(child.stdin).catch(() => undefined);
      child.stdin.end(`${JSON.stringify(order)}\n`);
      const outcome = await ended;
      await written;
      const fault = stopped.why ?? outcome;
      if (fault === null) return;
      let text = said.trim();
      for (const token of order.tokens) text = text.replaceAll(token, '(token)');
      throw new Error(`${file} for pool ${order.pool} ${fault}${text === '' ? '' : `: ${text}`}`);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    }
  };
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended.
  }
}
