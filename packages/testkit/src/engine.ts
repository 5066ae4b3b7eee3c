/** What the launchers of Postgres and Redis share: finding binaries, and ending a child whatever happens to us. */
import { AirlockError } from '@airlock/common/errors';
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, realpathSync } from 'node:fs';
import { Socket } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { portIsTaken } from './ports.ts';

export type EngineErrorCode =
  | 'configuration-port-taken'
  | 'configuration-engine-missing'
  | 'configuration-engine-refused'
  | 'engine-did-not-start';

export class EngineError extends AirlockError<EngineErrorCode> {}

/** The directory of the real file behind the first `name` on PATH, or null. */
export function directoryOnPath(name: string): string | null {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    if (isExecutable(join(directory, name))) return dirname(realpathSync(join(directory, name)));
  }
  return null;
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @throws EngineError `configuration-port-taken` that names the port and how to see who holds it. */
export async function refuseTakenPort(engine: string, port: number): Promise<void> {
  if (!(await portIsTaken(port))) return;
  throw new EngineError(
    'configuration-port-taken',
    `${engine}: port ${port} on 127.0.0.1 is taken; end whatever listens there ` +
      `(ss -ltnp 'sport = :${port}' shows it) or choose another port`,
  );
}

/**
 * Ends `pid` with SIGINT, and removes `removeDirectory`, once this process is gone for any reason, SIGKILL included:
 * a shell waits for the end of a pipe that only we hold open.
 *
 * @returns release: calls it off (after an orderly stop).
 */
export function guardChild(pid: number, removeDirectory?: string): { release(): Promise<void> } {
  const script =
    'while read -r line; do [ "$line" = release ] && exit 0; done; kill -INT "$1"; ' +
    'while kill -0 "$1"; do sleep 0.1; done; [ -z "$2" ] || rm -rf -- "$2"';
  // Detached: Ctrl-C at a terminal goes to the whole group and would end the guard before its work.
  const guard = spawn('/bin/sh', ['-c', script, 'guard', String(pid), removeDirectory ?? ''], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.unref();
  // A pipe of a child is a socket, though its type does not say so. It must not keep a finished process alive.
  if (guard.stdin instanceof Socket) guard.stdin.unref();
  return {
    release: async () => {
      const ended = exited(guard);
      guard.stdin.end('release\n');
      await ended;
    },
  };
}

/** Settles when the child has ended, at once if it already has. */
export function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  child.ref();
  return new Promise((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });
}
