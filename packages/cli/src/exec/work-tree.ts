/** A work tree as it stands, as a commit that only this process knows: what is not committed included, what is ignored not. */
import { execFile } from 'node:child_process';
import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { CliError, exitCode } from '../exit-codes.ts';

export type WorkTreeSnapshot = {
  /** Absolute path of the work tree. */
  readonly root: string;
  /** HEAD where nothing is changed, otherwise a commit on top of it. */
  readonly commit: string;
  readonly object: Buffer;
  readonly isChanged: boolean;
  /** Empty on a detached HEAD. */
  readonly branch: string;
  /** Of the remote `origin`, or a file URL of the work tree. */
  readonly url: string;
  readonly subject: string;
  readonly authorName: string;
  readonly authorEmail: string;
  archive(): Readable;
  destroy(): Promise<void>;
};

const run = promisify(execFile);

/** Files as they are: the attributes of the repository shall change nothing in them. */
const verbatim =
  '* -export-subst -export-ignore -text -ident -filter !working-tree-encoding !eol !crlf\n';

/**
 * Nothing is written into the repository: objects and index of the snapshot lie in a directory of their own.
 *
 * @param directory within a work tree of git.
 * @throws CliError when it is none, or has no commit yet.
 */
export async function snapshotOf(directory: string): Promise<WorkTreeSnapshot> {
  const own = async (...args: string[]): Promise<string> => {
    const { stdout } = await run('git', ['-C', directory, ...args], { maxBuffer: 1 << 24 });
    return stdout.trim();
  };
  const root = await own('rev-parse', '--show-toplevel').catch((cause: unknown) => {
    throw new CliError(
      exitCode.usage,
      `${resolve(directory)} is in no work tree of git; run it in a checkout`,
      { cause },
    );
  });
  const head = await own('rev-parse', '--verify', 'HEAD^{commit}').catch((cause: unknown) => {
    throw new CliError(exitCode.usage, `${root} has no commit yet; commit once`, { cause });
  });
  const repository = resolve(directory, await own('rev-parse', '--git-common-dir'));
  const index = resolve(directory, await own('rev-parse', '--git-path', 'index'));
  const gitDirectory = await mkdtemp(join(tmpdir(), 'airlock-exec-git-'));
  const environment = {
    ...process.env,
    ...{ GIT_DIR: gitDirectory, GIT_WORK_TREE: root, GIT_CONFIG_NOSYSTEM: '1' },
  };
  const git = async (...args: string[]): Promise<string> => {
    const options = { cwd: root, env: environment, maxBuffer: 1 << 24 };
    return (await run('git', args, options)).stdout.trim();
  };
  const destroy = (): Promise<void> => rm(gitDirectory, { recursive: true, force: true });
  try {
    await own('init', '--quiet', '--bare', gitDirectory);
    await mkdir(join(gitDirectory, 'info'), { recursive: true });
    await writeFile(join(gitDirectory, 'info/attributes'), verbatim);
    await writeFile(
      join(gitDirectory, 'objects/info/alternates'),
      `${join(repository, 'objects')}\n`,
    );
    for (const [from, to] of [
      [index, 'index'],
      [join(repository, 'info/exclude'), 'info/exclude'],
    ] as const) {
      // Neither need be there: both only spare work or name more to leave out.
      await copyFile(from, join(gitDirectory, to)).catch(() => {});
    }
    await git('-c', 'core.bare=false', 'add', '--all', '--', '.');
    const tree = await git('write-tree');
    const isChanged = tree !== (await git('rev-parse', `${head}^{tree}`));
    const commit = isChanged
      ? await git(
          ...['-c', 'user.name=airlock exec', '-c', 'user.email=exec@localhost'],
          ...['commit-tree', tree, '-p', head, '-m', 'work tree'],
        )
      : head;
    const [authorName = '', authorEmail = '', subject = ''] = (
      await git('show', '-s', '--format=%an%x00%ae%x00%s', head)
    ).split('\0');
    const { stdout: object } = await run('git', ['cat-file', 'commit', commit], {
      ...{ cwd: root, env: environment, encoding: 'buffer', maxBuffer: 1 << 20 },
    });
    return {
      ...{ root, commit, object, isChanged, subject, authorName, authorEmail, destroy },
      branch: await own('branch', '--show-current'),
      url: await own('config', '--get', 'remote.origin.url').catch(() => `file://${root}`),
      archive() {
        const child = spawn('git', ['-c', 'tar.umask=0022', 'archive', '--format=tar', commit], {
          cwd: root,
          env: environment,
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        // What is cut short is refused by whoever reads it.
        return child.stdout;
      },
    };
  } catch (cause) {
    await destroy();
    throw cause;
  }
}

/** Name such as shop/web, from the end of a clone URL. */
export function repositoryName(url: string): string {
  const parts = url
    .replace(/\.git\/?$/, '')
    .split(/[/:]/)
    .filter((part) => part !== '');
  return parts.slice(-2).join('/') || basename(url);
}
