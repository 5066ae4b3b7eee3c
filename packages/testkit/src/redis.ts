/**
 * Redis for the demo and the tests: the one in `REDIS_URL`, else redis-server or valkey-server from PATH, else
 * js-redis-server in a process of its own. Nothing is kept on disk: the queue is a doorbell, and losing it loses
 * nothing. Listens on 127.0.0.1 alone.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { directoryOnPath, EngineError, exited, guardChild, refuseTakenPort } from './engine.ts';
import { freePort } from './ports.ts';

const startWithinMs = 15_000;

export type Redis = {
  url: string;
  source: 'url' | 'path' | 'embedded';
  /** Ends the server (not one given by URL) and waits for its end. */
  stop(): Promise<void>;
  /** FLUSHALL. @throws EngineError `configuration-engine-refused` for a server given by URL, which is not ours to wipe. */
  flush(): Promise<void>;
};

/**
 * Starts (or reaches) a Redis and returns once it answers. The server ends with this process, also when this process
 * is killed, and does not keep it alive.
 *
 * @param options.directory holds the server's log.
 * @param options.port default: any free port.
 * @param options.removeDirectoryAtEnd for tests: removes `directory` once the server has ended with this process.
 * @throws EngineError `configuration-…` for a taken port or a `REDIS_URL` that does not answer;
 *   `engine-did-not-start` with the end of the server's own log.
 */
export async function startRedis(options: {
  directory: string;
  port?: number;
  removeDirectoryAtEnd?: boolean;
}): Promise<Redis> {
  const given = process.env['REDIS_URL'];
  if (given !== undefined && given !== '') return await reachByUrl(given);

  const directory = resolve(options.directory);
  if (options.port !== undefined) await refuseTakenPort('Redis', options.port);
  const port = options.port ?? (await freePort());
  mkdirSync(directory, { recursive: true });
  const logFile = join(directory, 'redis.log');
  rmSync(logFile, { force: true });
  const { source, command } = chooseServer(port, directory);
  const [program = '', ...args] = command;
  const output = openSync(logFile, 'ax', 0o600);
  let child: ChildProcess;
  try {
    // Detached: Ctrl-C at a terminal must leave Redis up while the processes using it close.
    child = spawn(program, args, {
      cwd: directory,
      detached: true,
      stdio: ['ignore', output, output],
    });
  } finally {
    closeSync(output);
  }
  child.unref();
  await ready(child, port, logFile);
  const guard = guardChild(
    child.pid ?? 0,
    options.removeDirectoryAtEnd === true ? directory : undefined,
  );
  return {
    url: `redis://127.0.0.1:${port}`,
    source,
    stop: async () => {
      const ended = exited(child);
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 3_000);
      await ended;
      clearTimeout(late);
      await guard.release();
    },
    flush: async () => {
      const answer = await ask('127.0.0.1', port, 'FLUSHALL');
      if (answer !== '+OK') throw new Error(`FLUSHALL answered ${answer}`);
    },
  };
}

function chooseServer(
  port: number,
  directory: string,
): { source: 'path' | 'embedded'; command: string[] } {
  for (const name of ['redis-server', 'valkey-server']) {
    const found = directoryOnPath(name);
    if (found === null) continue;
    const flags = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
    flags.push('--save', '', '--appendonly', 'no');
    // By its name on PATH: Debian's valkey and redis look at the name they are called by.
    return { source: 'path', command: [name, ...flags] };
  }
  const entry = fileURLToPath(new URL('./redis-child.ts', import.meta.url));
  return {
    source: 'embedded',
    command: [process.execPath, '--disable-warning=ExperimentalWarning', entry, String(port)],
  };
}

async function ready(child: ChildProcess, port: number, logFile: string): Promise<void> {
  let failure: Error | null = null;
  child.once('error', (error) => (failure = error));
  const hasFailed = (): Error | null => failure;
  const deadline = performance.now() + startWithinMs;
  while (!(await answers('127.0.0.1', port))) {
    if (hasFailed() !== null || child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL');
      const words = hasFailed()?.message ?? readFileSync(logFile, 'utf8').trim();
      throw new EngineError(
        'engine-did-not-start',
        `Redis did not start (${logFile}): ${words.split('\n').slice(-5).join(' / ')}`,
      );
    }
    await sleep(10);
  }
}

async function reachByUrl(url: string): Promise<Redis> {
  const { hostname, port } = new URL(url);
  // Asked for a sign of life only: with a password set, "NOAUTH" is one too.
  if (!(await answers(hostname, port === '' ? 6379 : Number(port)))) {
    throw new EngineError(
      'configuration-engine-refused',
      `REDIS_URL: nothing answers at ${hostname}:${port || 6379}; start Redis there, ` +
        'or unset REDIS_URL to let one be started here',
    );
  }
  return {
    url,
    source: 'url',
    stop: () => Promise.resolve(),
    flush: () =>
      Promise.reject(
        new EngineError(
          'configuration-engine-refused',
          'the Redis in REDIS_URL is not ours to wipe; unset REDIS_URL',
        ),
      ),
  };
}

async function answers(host: string, port: number): Promise<boolean> {
  try {
    return /^[+-]/.test(await ask(host, port, 'PING'));
  } catch {
    // Not up yet, or not there: the caller asks again or says so.
    return false;
  }
}

/** One command without arguments; the first line of the answer. */
function ask(host: string, port: number, command: string): Promise<string> {
  return new Promise((resolvePromise, reject) => {
    const socket = connect({ host, port });
    socket.setTimeout(2_000, () => socket.destroy(new Error(`no answer to ${command} within 2 s`)));
    socket.once('error', reject);
    socket.once('connect', () => socket.write(`*1\r\n$${command.length}\r\n${command}\r\n`));
    socket.once('data', (data) => {
      socket.destroy();
      resolvePromise(data.toString('latin1').split('\r\n', 1)[0] ?? '');
    });
    socket.once('end', () => {
      reject(new Error('closed without an answer'));
    });
  });
}
