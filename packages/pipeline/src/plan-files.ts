import { AirlockError } from '@airlock/common/errors';
import { maxFileBytes } from './yaml-file.ts';

/** The two files at a commit, from which its plan follows; null where the commit has none. */
export interface PlanFiles {
  readonly pipeline: string | null;
  readonly release: string | null;
}

/** Stands for a file that git does not even hand out; the parser refuses it for its length. */
const tooLong = '#'.repeat(maxFileBytes + 1);

/**
 * One file as text for `planRun`, the same for everybody who compiles it. Of a longer file only so much is kept as the
 * parser needs to refuse it.
 *
 * @param read answers the bytes, null where there is no file, or throws `git-too-large`.
 */
export async function planFile(read: () => Promise<Uint8Array | null>): Promise<string | null> {
  try {
    const bytes = await read();
    if (bytes === null) return null;
    return Buffer.from(bytes.subarray(0, maxFileBytes + 1)).toString('utf8');
  } catch (error) {
    if (error instanceof AirlockError && error.code === 'git-too-large') return tooLong;
    throw error;
  }
}

/** Both files of a commit. */
export async function planFiles(
  read: (path: string) => Promise<Uint8Array | null>,
  paths: { readonly pipeline: string; readonly release: string },
): Promise<PlanFiles> {
  return {
    pipeline: await planFile(() => read(paths.pipeline)),
    release: await planFile(() => read(paths.release)),
  };
}
