/** The checkout that the command line runs from and that bundles are made of. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { version, type Build } from '@airlock/process/build';

export const checkout = join(import.meta.dirname, '../../..');

/** What HEAD is, with `-dirty` where files differ from it; null where there is no git to ask. */
export function checkoutCommit(): string | null {
  const describe = ['describe', '--always', '--dirty', '--abbrev=40', '--exclude=*'];
  try {
    const told = execFileSync('git', ['-C', checkout, ...describe], {
      ...{ encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 10_000 },
    });
    return told.trim();
  } catch {
    return null;
  }
}

export const checkoutBuild = (): Build => ({ version, commit: checkoutCommit(), digest: null });
