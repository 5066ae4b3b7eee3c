/**
 * What a machine's builds stand on, as one digest. A sandboxed step sees the machine's own /usr, so its image is the
 * software that is installed here; what a step may download is nothing.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

export type MachineImage = {
  /** SHA-256 of `listing`. */
  readonly digest: string;
  /**
   * One line a fact, sorted within its kind: the distribution (`os`), packages with version and architecture (`package`),
   * programs that no package manager knows (`program`, with their size), and the Node that steps are given (`node`, with
   * its SHA-256). Two machines that differ show by `diff` of their listings where.
   */
  readonly listing: string;
};

/**
 * The image of this machine. It changes when a package is installed, removed or updated, and when a program appears in
 * /usr/local/bin. It is a description, no seal: root on this machine can change a file and leave the package database.
 *
 * @param nodeBinary the Node binary that steps are given, or null.
 * @param root where the machine's root directory is; only a test gives another.
 */
export async function machineImage(
  nodeBinary: string | null,
  root: string = '/',
): Promise<MachineImage> {
  const packages = await installedPackages(root);
  const lines = [
    ...(await distribution(root)),
    ...(packages ?? (await programs(root, 'usr/bin'))),
    ...(await programs(root, 'usr/local/bin')),
    ...(nodeBinary === null ? [] : [`node ${sha256(await readFile(nodeBinary))}`]),
  ];
  const listing = lines.map((line) => `${line}\n`).join('');
  return { digest: sha256(listing), listing };
}

async function distribution(root: string): Promise<string[]> {
  const text = (await textOf(join(root, 'etc/os-release'))) ?? '';
  return text
    .split('\n')
    .filter((line) => /^(ID|VERSION_ID|VERSION_CODENAME)=/.test(line))
    .sort()
    .map((line) => `os ${line}`);
}

/** Null where there is no package database that can be read as text. */
async function installedPackages(root: string): Promise<string[] | null> {
  const dpkg = await textOf(join(root, 'var/lib/dpkg/status'));
  if (dpkg !== null)
    return packagesIn(dpkg, { name: 'Package', version: 'Version', arch: 'Architecture' });
  const apk = await textOf(join(root, 'lib/apk/db/installed'));
  return apk === null ? null : packagesIn(apk, { name: 'P', version: 'V', arch: 'A' });
}

/** Both databases are paragraphs of `Key: value` lines; apk has no blank after the colon. */
function packagesIn(
  database: string,
  keys: { readonly name: string; readonly version: string; readonly arch: string },
): string[] {
  return database
    .split('\n\n')
    .flatMap((paragraph) => {
      const fields = new Map(
        paragraph.split('\n').flatMap((line): [string, string][] => {
          const match = /^([A-Za-z-]+): ?(.*)$/.exec(line);
          return match === null ? [] : [[match[1] ?? '', match[2] ?? '']];
        }),
      );
      const name = fields.get(keys.name);
      // Removed packages stay in dpkg's database for their configuration files.
      const isInstalled = fields.get('Status')?.endsWith(' installed') ?? true;
      if (name === undefined || !isInstalled) return [];
      return [`package ${name} ${fields.get(keys.version) ?? ''} ${fields.get(keys.arch) ?? ''}`];
    })
    .sort();
}

async function programs(root: string, directory: string): Promise<string[]> {
  const names = await readdir(join(root, directory)).catch(absent([]));
  const lines = await Promise.all(
    names.map(async (name) => {
      // A link counts by what it leads to; one that leads nowhere is a name without a program.
      const facts = await stat(join(root, directory, name)).catch(absent(null));
      return facts === null ? [] : [`program /${directory}/${name} ${facts.size}`];
    }),
  );
  return lines.flat().sort();
}

async function textOf(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(absent(null));
}

function absent<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return instead;
    throw error;
  };
}

function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
