/**
 * What lockfiles lock, for people to see which packages a release brings. The files come from the repository and are read as
 * hostile text: one that cannot be read is named, and never taken for an empty one.
 */
/** Bytes of a lockfile that is read; a longer one is named as unread. */
export const maxLockfileBytes = 8 * 1024 * 1024;

/** Versions by package name. A name may be locked at several versions. */
export type Locked = ReadonlyMap<string, ReadonlySet<string>>;

export class LockfileError extends Error {}

type Reader = (text: string, add: (name: string, version: string) => void) => void;

/** By file name; `type` is the purl type of what it locks. */
const readers: Readonly<Record<string, { readonly type: string; readonly read: Reader }>> = {
  'package-lock.json': { type: 'npm', read: readNpm },
  'npm-shrinkwrap.json': { type: 'npm', read: readNpm },
  'pnpm-lock.yaml': { type: 'npm', read: readPnpm },
  'yarn.lock': { type: 'npm', read: readYarn },
  'Cargo.lock': { type: 'cargo', read: readTomlPackages },
  'poetry.lock': { type: 'pypi', read: readTomlPackages },
  'uv.lock': { type: 'pypi', read: readTomlPackages },
  'go.sum': { type: 'golang', read: readGoSum },
  'composer.lock': { type: 'composer', read: readComposer },
  'Gemfile.lock': { type: 'gem', read: readGemfile },
  'requirements.txt': { type: 'pypi', read: readRequirements },
};

const fileName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** Whether the file's name is one of a lockfile that is understood here. Vendored trees do not count. */
export function isLockfile(path: string): boolean {
  return Object.hasOwn(readers, fileName(path)) && !/(^|\/)(node_modules|vendor)\//.test(path);
}

/** Purl type of what the lockfile locks, such as `npm`. @throws LockfileError where it is no lockfile. */
export function packageTypeOf(path: string): string {
  const type = readers[fileName(path)]?.type;
  if (type === undefined) throw new LockfileError('no lockfile');
  return type;
}

/** @throws LockfileError where the file is not what its name says. */
export function readLockfile(path: string, bytes: Uint8Array): Locked {
  const reader = readers[fileName(path)];
  if (reader === undefined) throw new LockfileError('no lockfile');
  const locked = new Map<string, Set<string>>();
  try {
    reader.read(new TextDecoder('utf-8', { fatal: true }).decode(bytes), (name, version) => {
      const versions = locked.get(name) ?? new Set();
      locked.set(name, versions.add(version));
    });
  } catch (cause) {
    if (cause instanceof LockfileError) throw cause;
    throw new LockfileError('not in the form that its name says', { cause });
  }
  return locked;
}

type Member = Readonly<Record<string, unknown>>;

function member(value: unknown, what: string): Member {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LockfileError(`${what} is not a mapping`);
  }
  return { ...value };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** `packages` of lockfile versions 2 and 3; `dependencies`, nested, of version 1. */
function readNpm(text: string, add: (name: string, version: string) => void): void {
  const file = member(JSON.parse(text), 'the file');
  if (file['packages'] === undefined) {
    readNestedNpm(member(file['dependencies'] ?? {}, 'dependencies'), add, 0);
    return;
  }
  for (const [place, value] of Object.entries(member(file['packages'], 'packages'))) {
    const at = place.lastIndexOf('node_modules/');
    const entry = member(value, place);
    // What is not below node_modules is the repository's own.
    if (at === -1 || entry['link'] === true) continue;
    add(textOf(entry['name']) || place.slice(at + 'node_modules/'.length), versionOf(entry));
  }
}

function readNestedNpm(
  list: Member,
  add: (name: string, version: string) => void,
  depth: number,
): void {
  if (depth > 64) throw new LockfileError('nested too deeply');
  for (const [name, value] of Object.entries(list)) {
    const entry = member(value, name);
    add(name, versionOf(entry));
    if (entry['dependencies'] !== undefined) {
      readNestedNpm(member(entry['dependencies'], name), add, depth + 1);
    }
  }
}

/** What is fetched by address has no version that says anything; its address does. */
const versionOf = (entry: Member): string => {
  const resolved = textOf(entry['resolved']);
  const version = textOf(entry['version']);
  return /^(git|file|https?:\/\/codeload)/.test(resolved) ? resolved : version || resolved || '?';
};

/**
 * Keys of `packages:` such as `/name@1.0.0(peer@2.0.0)`, `name@1.0.0` and, before version 6, `/name/1.0.0`. Read by lines as
 * pnpm writes them: a YAML parser takes seconds for a large one.
 */
function readPnpm(text: string, add: (name: string, version: string) => void): void {
  if (!/^lockfileVersion:/m.test(text)) throw new LockfileError('no lockfileVersion');
  let inside = false;
  for (const line of text.split('\n')) {
    if (/^\S/.test(line)) inside = line.trimEnd() === 'packages:';
    const key = inside ? /^ {2}(?:'([^']+)'|"([^"]+)"|([^\s'"][^\s]*)):/.exec(line) : null;
    if (key === null) continue;
    const entry = (key[1] ?? key[2] ?? key[3] ?? '').replace(/^\//, '').replace(/\(.*$/, '');
    const at = entry.indexOf('@', 1);
    const cut = at > 0 ? at : entry.lastIndexOf('/');
    if (cut < 1) throw new LockfileError(`${entry.slice(0, 80)} names no version`);
    add(entry.slice(0, cut), entry.slice(cut + 1));
  }
}

/** Both yarn's own form and the YAML of version 2 and later: an entry's line of wishes, then its version. */
function readYarn(text: string, add: (name: string, version: string) => void): void {
  let name: string | null = null;
  for (const line of text.split('\n')) {
    if (/^[^\s#].*:\s*$/.test(line)) {
      const first = line.replace(/^"/, '');
      const at = first.indexOf('@', 1);
      name = at === -1 ? null : first.slice(0, at);
      continue;
    }
    const version = /^ {2}version:? "?([^"\s]+)"?\s*$/.exec(line)?.[1];
    if (name === null || version === undefined || name === '__metadata') continue;
    if (version !== '0.0.0-use.local') add(name, version);
    name = null;
  }
}

/** `[[package]]` tables with `name` and `version`, as Cargo, Poetry and uv write them. */
function readTomlPackages(text: string, add: (name: string, version: string) => void): void {
  let name: string | null = null;
  let inPackage = false;
  for (const line of text.split('\n')) {
    if (line.startsWith('[')) {
      inPackage = line.trim() === '[[package]]';
      name = null;
      continue;
    }
    const field = inPackage ? /^(name|version) = "([^"\\]*)"\s*$/.exec(line) : null;
    if (field === null) continue;
    if (field[1] === 'name') name = field[2] ?? null;
    else if (name !== null) add(name, field[2] ?? '?');
  }
}

/** Two lines a module: of its content and of its go.mod alone, of which the second brings no code. */
function readGoSum(text: string, add: (name: string, version: string) => void): void {
  for (const line of text.split('\n')) {
    const [name, version, hash] = line.trim().split(/\s+/);
    if (name === undefined || name === '') continue;
    if (version === undefined || hash === undefined) {
      throw new LockfileError('a line without version and hash');
    }
    if (!version.endsWith('/go.mod')) add(name, version);
  }
}

function readComposer(text: string, add: (name: string, version: string) => void): void {
  const file = member(JSON.parse(text), 'the file');
  for (const list of [file['packages'], file['packages-dev']]) {
    if (list === undefined) continue;
    if (!Array.isArray(list)) throw new LockfileError('packages is not a list');
    for (const value of list) {
      const entry = member(value, 'a package');
      add(textOf(entry['name']), textOf(entry['version']) || '?');
    }
  }
}

/** The `specs:` of each section: four spaces, a name, its version in parentheses. */
function readGemfile(text: string, add: (name: string, version: string) => void): void {
  for (const line of text.split('\n')) {
    const spec = /^ {4}([A-Za-z0-9._-]+) \(([^()\s]+)\)$/.exec(line);
    if (spec?.[1] !== undefined && spec[2] !== undefined) add(spec[1], spec[2]);
  }
}

/** `name==version` alone pins something; every other line is a wish, which is shown as it stands. */
function readRequirements(text: string, add: (name: string, version: string) => void): void {
  for (const line of text.split('\n')) {
    const comment = line.startsWith('#') ? 0 : line.indexOf(' #');
    const wish = (comment === -1 ? line : line.slice(0, comment)).trim();
    const parts = /^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?(.*)$/.exec(wish);
    if (parts?.[1] === undefined) continue;
    const pin = (parts[2] ?? '').trim();
    const rest = (pin.endsWith('\\') ? pin.slice(0, -1) : pin).replace(/^==/, '').trim();
    add(parts[1].toLowerCase().replaceAll('_', '-'), rest === '' ? '*' : rest);
  }
}
