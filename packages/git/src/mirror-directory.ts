/** The directory of a mirror as files: made, tidied, measured. What git keeps in it is git's own. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GitError } from './git-error.ts';
import { type GitContext, lastWords, runGit } from './run-git.ts';

/** What git reads instead of asking; each would let whoever placed it say what history is. Nobody here makes them. */
const foreign = ['shallow', 'info/grafts', 'objects/info/alternates', 'commondir'];

/** Stronger than any .gitattributes: an archive holds the files of the commit, all of them and byte by byte. */
const verbatim =
  '* -export-subst -export-ignore -text -ident -filter !working-tree-encoding !eol !crlf\n';

/**
 * Makes the mirror if it is not there.
 *
 * @throws GitError `git-failed` when it cannot be made, or holds a file that changes what git says of history.
 */
export async function prepareMirror(context: GitContext): Promise<void> {
  const { directory } = context;
  if (!existsSync(join(directory, 'HEAD'))) {
    await mkdir(directory, { recursive: true });
    const flags = ['--bare', '--quiet', '--template=', '--initial-branch=main'];
    const { exitCode, stderr } = await runGit(context, ['init', ...flags, '--', directory], {
      fileBytes: 1024 * 1024,
    });
    if (exitCode !== 0) {
      throw new GitError('git-failed', `git init ended with ${exitCode}: ${lastWords(stderr)}`);
    }
  }
  const found = foreign.find((name) => existsSync(join(directory, name)));
  if (found !== undefined) {
    throw new GitError(
      'git-failed',
      `${join(directory, found)} does not belong in a mirror and changes what it says; find out who put it there, move the mirror away and let it be made anew`,
    );
  }
  await keepAttributes(directory);
}

/** Removes what a git that was killed left behind. Its time grows with the number of refs. */
export async function tidyMirror(context: GitContext): Promise<void> {
  await removeStaleLocks(context);
  await removeLeftovers(context.directory);
}

async function keepAttributes(directory: string): Promise<void> {
  const file = join(directory, 'info', 'attributes');
  if (existsSync(file) && (await readFile(file, 'utf8')) === verbatim) return;
  await mkdir(join(directory, 'info'), { recursive: true });
  // In one step, because an archive may be made of an older mirror in this moment.
  await writeFile(`${file}.new`, verbatim);
  await rename(`${file}.new`, file);
}

/** A git that was killed leaves its locks, and with them no later fetch would succeed. */
async function removeStaleLocks({ directory, timeoutMs }: GitContext): Promise<void> {
  const refs = await readdir(join(directory, 'refs'), { recursive: true });
  const locks = [...refs.map((name) => join('refs', name)), 'packed-refs.lock', 'HEAD.lock'];
  for (const lock of locks.filter((name) => name.endsWith('.lock'))) {
    const file = join(directory, lock);
    // Older than any command of ours may run: its owner is gone.
    if (existsSync(file) && Date.now() - (await stat(file)).mtimeMs > timeoutMs + 60_000) {
      await rm(file, { force: true });
    }
  }
}

/**
 * Removes what a fetch that failed or was killed had received so far: a remote may let us fail as often as it likes.
 * Only for the one process that fetches into the directory, between its fetches.
 */
export async function removeLeftovers(directory: string): Promise<void> {
  const objects = join(directory, 'objects');
  const pack = join(objects, 'pack');
  for (const name of await readdir(pack)) {
    if (name.startsWith('tmp_') || name.startsWith('.tmp-')) {
      await rm(join(pack, name), { force: true });
    }
  }
  for (const name of await readdir(objects)) {
    if (name.startsWith('tmp_objdir-') || name.startsWith('incoming-')) {
      await rm(join(objects, name), { recursive: true, force: true });
    }
  }
}

/** Bytes of all objects. */
export async function storedBytes(directory: string): Promise<number> {
  const entries = await readdir(join(directory, 'objects'), {
    recursive: true,
    withFileTypes: true,
  });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(({ parentPath, name }) => sizeOf(join(parentPath, name))),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (cause) {
    // Packs come and go while they are counted.
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return 0;
    throw cause;
  }
}

export async function packCount(directory: string): Promise<number> {
  const names = await readdir(join(directory, 'objects', 'pack'));
  return names.filter((name) => name.endsWith('.pack')).length;
}
