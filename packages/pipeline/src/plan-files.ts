import { AirlockError } from '@airlock/common/errors';
import { releasePath } from './release-file.ts';
import { maxFileBytes } from './yaml-file.ts';

/** The files at a commit from which its plan follows. */
export interface PlanFiles {
  /** By path; empty where the commit has none. */
  readonly pipelines: readonly { readonly path: string; readonly text: string }[];
  /** Null where the commit has none. */
  readonly release: string | null;
}

/** One commit's files. */
export interface CommitTree {
  /** Paths of the regular files directly in a directory of the repository; empty where there is no such directory. */
  list(directory: string): Promise<readonly string[]>;
  /** The bytes, or null where there is no such file; may throw `git-too-large`. */
  read(path: string): Promise<Uint8Array | null>;
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

/** Looked at in this order; the first place that has a file is the only one that counts. */
const directories = ['.airlock/pipelines', '.woodpecker'];
const singleFiles = ['.woodpecker.yaml', '.woodpecker.yml'];

/** Which pipeline files a commit has, in the order of their paths; see `PlanFiles`. */
export async function pipelinePaths(tree: Pick<CommitTree, 'list'>): Promise<readonly string[]> {
  for (const directory of directories) {
    const found = (await tree.list(directory)).filter((path) => /\.ya?ml$/.test(path));
    if (found.length > 0) return found.toSorted();
  }
  const atTop = await tree.list('');
  return singleFiles.filter((path) => atTop.includes(path)).slice(0, 1);
}

/** Every file of a commit that its plan follows from. */
export async function planFiles(tree: CommitTree): Promise<PlanFiles> {
  const pipelines: { path: string; text: string }[] = [];
  for (const path of await pipelinePaths(tree)) {
    const text = await planFile(() => tree.read(path));
    if (text !== null) pipelines.push({ path, text });
  }
  return { pipelines, release: await planFile(() => tree.read(releasePath)) };
}
