/** Debian packages that tests and demo use: installed when we may, otherwise named with the exact command. */
import { execFile } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

interface SystemPackage {
  readonly debian: string;
  /** Installed with it. Default: nothing. */
  readonly beside?: readonly string[];
  readonly binaries: readonly string[];
}

export const bubblewrap: SystemPackage = { debian: 'bubblewrap', binaries: ['bwrap'] };
export const chromium: SystemPackage = {
  debian: 'chromium',
  binaries: ['chromium', 'chromium-browser'],
};

export const podman: SystemPackage = {
  debian: 'podman',
  // Its other runtime refuses a machine with both versions of control groups.
  beside: ['runc'],
  binaries: ['podman'],
};

/** With it podman gives a container ids where it runs as an ordinary user. */
export const uidmap: SystemPackage = { debian: 'uidmap', binaries: ['newuidmap'] };

/** What stands in front of sites, each with a sample of ours. */
export const webProxies: readonly SystemPackage[] = [
  { debian: 'nginx', binaries: ['nginx'] },
  { debian: 'caddy', binaries: ['caddy'] },
  { debian: 'apache2-bin', binaries: ['apache2'] },
];

/** Rules of a host's firewall, and the namespaces in which they are tried. */
export const nftables: SystemPackage = {
  debian: 'nftables',
  beside: ['iproute2'],
  binaries: ['nft'],
};

/** Absolute path of the first binary of `wanted` on PATH, or null. */
export function findBinary(wanted: SystemPackage): string | null {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const binary of wanted.binaries) {
      const path = join(directory, binary);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not here; the next directory may have it.
      }
    }
  }
  return null;
}

export const installCommand = (wanted: SystemPackage): string =>
  `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packagesOf(wanted).join(' ')}`;

const packagesOf = ({ debian, beside = [] }: SystemPackage): string[] => [debian, ...beside];

const isDebian = (): boolean => {
  try {
    return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
};

/**
 * Makes a package available: found on PATH, or installed by apt-get when this is root on Debian or Ubuntu.
 *
 * @returns the binary's path, or null with nothing changed when it is missing and may not be installed here.
 */
export async function ensureInstalled(wanted: SystemPackage): Promise<string | null> {
  const found = findBinary(wanted);
  if (found !== null || process.getuid?.() !== 0 || !isDebian()) return found;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '--no-install-recommends', ...packagesOf(wanted)];
  try {
    await run('apt-get', install, { env });
  } catch {
    // The package lists of a fresh machine are empty or old.
    await run('apt-get', ['update'], { env });
    await run('apt-get', install, { env });
  }
  return findBinary(wanted);
}
