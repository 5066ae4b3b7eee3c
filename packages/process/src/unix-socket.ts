import { chmodSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { Server } from 'node:http';
import { ConfigurationError } from './config.ts';

/**
 * Listens on a unix socket that its owner alone may open, or with mode 0660 also the file's group.
 *
 * A socket file that a crash left is replaced; one on which somebody listens is not.
 *
 * @throws ConfigurationError when something else is at that path.
 */
export async function listenOnSocket(
  server: Server,
  path: string,
  mode: 0o600 | 0o660 = 0o600,
): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  await removeStaleSocket(path);
  // The mode holds from the first moment: between listen and chmod anybody could connect.
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } finally {
    process.umask(before);
  }
  chmodSync(path, mode);
}

async function removeStaleSocket(path: string): Promise<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) {
    throw refused(`${path} exists and is not a socket; choose another path or remove the file`);
  }
  const listening = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => {
      resolve(false);
    });
  });
  if (listening)
    throw refused(`another process listens on ${path}; stop it or choose another path`);
  unlinkSync(path);
}

function refused(what: string): ConfigurationError {
  return new ConfigurationError('configuration-refused', `socketPath: ${what}`);
}
