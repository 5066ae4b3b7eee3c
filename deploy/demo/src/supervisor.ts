/** Starts processes, waits until each says that it is ready, and ends what it started. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { guardChild } from '@airlock/testkit/engine';

export interface ProcessSpec {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
}

export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  /** Settles when the process has ended. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly isRunning: () => boolean;
  /** SIGTERM, then SIGKILL after six seconds. */
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

export class StartError extends Error {
  readonly exitCode: number | null;
  constructor(message: string, exitCode: number | null) {
    super(message);
    this.name = 'StartError';
    this.exitCode = exitCode;
  }
}

/**
 * Starts one of our processes and resolves when it logs `process.ready`.
 *
 * Each child gets a process group of its own, so that Ctrl-C reaches the supervisor alone and the order of the end is ours;
 * a guard ends it when the supervisor was killed and can end nothing any more.
 *
 * @throws StartError with the child's last words and the log file when it ends first or is not ready within 30 s.
 */
export async function startProcess(spec: ProcessSpec): Promise<RunningProcess> {
  const log = openSync(spec.logFile, 'a', 0o600);
  const [file, ...args] = spec.command;
  const child = spawn(file, args, {
    env: spec.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const guard = child.pid === undefined ? undefined : guardChild(child.pid);
  const lastLines: string[] = [];
  const keep = (line: string): void => {
    writeSync(log, `${line}\n`);
    lastLines.push(line);
    if (lastLines.length > 8) lastLines.shift();
  };
  let running = true;
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('close', (code, signal) => {
      running = false;
      closeSync(log);
      void (guard?.release() ?? Promise.resolve()).then(() => {
        resolve({ code, signal });
      });
    });
  });
  const ready = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      keep(line);
      if (line.includes('"process.ready"')) resolve();
    });
  });
  createInterface({ input: child.stderr }).on('line', keep);
  const failedToSpawn = new Promise<never>((_, reject) => {
    child.on('error', (error) => {
      reject(new StartError(`${spec.name} could not be started: ${error.message}`, null));
    });
  });
  const timeout = new AbortController();
  try {
    await Promise.race([
      ready,
      failedToSpawn,
      ended.then(({ code, signal }) => {
        throw new StartError(
          `${spec.name} ended before it was ready (${signal ?? `exit ${code}`}):\n${lastLines.join('\n')}\nWhole output: ${spec.logFile}`,
          code,
        );
      }),
      delay(30_000, undefined, { signal: timeout.signal }).then(() => {
        throw new StartError(
          `${spec.name} was not ready after 30 s:\n${lastLines.join('\n')}\nWhole output: ${spec.logFile}`,
          null,
        );
      }),
    ]);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    timeout.abort();
  }
  return {
    name: spec.name,
    pid: pidOf(child),
    ended,
    isRunning: () => running,
    async stop() {
      if (!running) return;
      child.kill('SIGTERM');
      const patience = new AbortController();
      await Promise.race([
        ended.then(() => {
          patience.abort();
        }),
        delay(6_000, undefined, { signal: patience.signal }).then(
          () => child.kill('SIGKILL'),
          () => undefined,
        ),
      ]);
      await ended;
    },
    kill(signal) {
      child.kill(signal);
    },
  };
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new StartError('a started process has no pid', null);
  return child.pid;
}
