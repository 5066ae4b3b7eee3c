/**
 * A network of their own for several sandboxes that belong together: a loopback that they share, and nothing else. It leads
 * nowhere, so that whoever is in it reaches the others in it and neither this machine nor the world.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { Readable } from 'node:stream';
import { SandboxError } from './errors.ts';
import { rootFileSystemArguments } from './host.ts';
import { launcher } from './launcher.ts';
import { listensIn } from './listening.ts';
import type { SandboxNetwork } from './options.ts';

const openMs = 10_000;

/**
 * Opens a network for `SandboxOptions.network`. It is closed when this process ends, however that happens.
 *
 * @throws SandboxError `sandbox-unavailable`, `sandbox-setup-failed`
 */
export async function openNetwork(): Promise<SandboxNetwork> {
  const launch = launcher([]);
  const [program, ...args] = [...launch.prefix, launch.bwrap];
  const child = spawn(
    program,
    [
      ...args,
      // Nested user namespaces stay possible here: every sandbox that enters makes its own, and forbids them in that.
      ...['--unshare-user', '--unshare-net', '--unshare-pid', '--unshare-ipc', '--unshare-uts'],
      ...['--unshare-cgroup', '--die-with-parent', '--new-session', '--cap-drop', 'ALL'],
      ...[...rootFileSystemArguments(), '--proc', '/proc', '--remount-ro', '/'],
      ...['--json-status-fd', '3', '--', '/bin/sh', '-c', 'echo ready; read -r end'],
    ],
    { env: {}, stdio: ['pipe', 'pipe', 'pipe', 'pipe'], detached: true, cwd: '/' },
  );
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
    child.once('error', () => {
      resolve();
    });
  });
  const close = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  try {
    const holder = await holderOf(child);
    return { holder, close, listens: (port) => listensIn(holder, port) };
  } catch (cause) {
    await close();
    throw cause;
  }
}

/** The process inside, once it runs. */
async function holderOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const said = { 1: '', 2: '', 3: '' };
    const fail = (): void => {
      clearTimeout(timer);
      const why = said[2].trim() || 'bwrap ended without a word';
      reject(
        new SandboxError(
          'sandbox-setup-failed',
          `a network for sandboxes could not be set up: ${why}`,
        ),
      );
    };
    const timer = setTimeout(fail, openMs);
    child.once('exit', fail);
    child.once('error', fail);
    for (const fd of [1, 2, 3] as const) {
      const stream = child.stdio[fd];
      if (!(stream instanceof Readable)) continue;
      stream.on('error', () => {});
      stream.on('data', (chunk: Buffer) => {
        said[fd] += chunk.toString();
        const pid = /"child-pid": *(\d+)/.exec(said[3])?.[1];
        if (pid === undefined || !said[1].includes('ready\n')) return;
        clearTimeout(timer);
        resolve(Number(pid));
      });
    }
  });
}
