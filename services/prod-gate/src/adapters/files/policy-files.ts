import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Name } from '@airlock/common/wire/scalars';
import type { GateFilesSettings } from './gate-files.ts';

/** The bytes of the files that decided about a target, as they are now; null for one that is not there. */
export async function readPolicyFiles(
  settings: Pick<GateFilesSettings, 'directory'>,
  target: string,
): Promise<{ policy: Buffer | null; roster: Buffer | null }> {
  // A name by its grammar is never a path.
  const name = Name.parse(target);
  const [policy, roster] = await Promise.all([
    read(join(settings.directory, 'targets', `${name}.yaml`)),
    read(join(settings.directory, 'roster.yaml')),
  ]);
  return { policy, roster };
}

async function read(file: string): Promise<Buffer | null> {
  try {
    return await readFile(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
