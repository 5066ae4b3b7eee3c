/** Commits made with git's plumbing, straight into a bare repository: a push without its costs. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Build } from './contestant.ts';

/** What a commit holds besides the pipeline file. */
export type Tree = { readonly files: number; readonly bytes: number };

const git = (
  directory: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string =>
  execFileSync('git', ['-C', directory, ...args], {
    encoding: 'utf8',
    env: {
      PATH: process.env['PATH'] ?? '/usr/bin:/bin',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      ...env,
    },
  }).trim();

/**
 * One step that runs `script`, with a checkout or without, as Woodpecker would run it.
 *
 * @param secrets that it is given, each as a variable of its name.
 */
export const pipelineOf = (
  script: string,
  withCheckout: boolean,
  secrets: readonly string[],
): string =>
  [
    'when:',
    '  - event: push',
    ...(withCheckout ? [] : ['skip_clone: true']),
    'steps:',
    '  - name: one',
    '    image: shop-builder',
    ...(secrets.length === 0 ? [] : ['    environment:']),
    ...secrets.map((name) => `      ${name}: { from_secret: ${name} }`),
    '    commands:',
    ...script.split('\n').map((line) => `      - ${JSON.stringify(line)}`),
    '',
  ].join('\n');

/**
 * Makes the tree of all commits once, packed as a forge keeps it; each call of what is returned makes one commit of it and a
 * branch `bench-…` that points at it. All come after the same first commit: of a history that it does not share with what
 * is there, git sends every file again, which is no push that anybody makes.
 */
export function commitsIn(
  bareDirectory: string,
  content: { readonly pipeline: string; readonly tree: Tree | null },
): () => Build {
  const work = mkdtempSync(join(tmpdir(), 'airlock-bench-tree-'));
  const index = { GIT_INDEX_FILE: join(work, 'index'), GIT_WORK_TREE: work };
  const put = (path: string, bytes: string | Buffer): void => {
    mkdirSync(dirname(join(work, path)), { recursive: true });
    writeFileSync(join(work, path), bytes);
  };
  put('.woodpecker.yaml', content.pipeline);
  if (content.tree !== null) {
    const { files, bytes } = content.tree;
    for (let at = 0; at < files; at += 1) {
      const half = randomBytes(Math.ceil(bytes / files / 2));
      // Half of it compresses, as sources do.
      put(`src/${at % 50}/${at}.bin`, Buffer.concat([half, Buffer.alloc(half.length, 'source ')]));
    }
  }
  const paths = content.tree === null ? ['.woodpecker.yaml'] : ['.woodpecker.yaml', 'src'];
  git(bareDirectory, ['add', '--', ...paths.map((path) => join(work, path))], index);
  const tree = git(bareDirectory, ['write-tree'], index);
  rmSync(work, { recursive: true, force: true });
  const person = { NAME: 'Dana Okafor', EMAIL: 'dana@demo.airlock.example' };
  const commitOf = (message: string, parents: readonly string[]): string =>
    git(
      bareDirectory,
      ['commit-tree', tree, ...parents.flatMap((parent) => ['-p', parent]), '-m', message],
      {
        GIT_AUTHOR_NAME: person.NAME,
        GIT_AUTHOR_EMAIL: person.EMAIL,
        GIT_COMMITTER_NAME: person.NAME,
        GIT_COMMITTER_EMAIL: person.EMAIL,
      },
    );
  const first = commitOf('the first', []);
  // No branch: nobody shall build it.
  git(bareDirectory, ['update-ref', 'refs/bench/first', first]);
  git(bareDirectory, ['repack', '-q', '-a', '-d', '--window=0']);
  return () => {
    const name = `bench-${randomBytes(6).toString('hex')}`;
    const commit = commitOf(name, [first]);
    git(bareDirectory, ['update-ref', `refs/heads/${name}`, commit]);
    return { commit, ref: `refs/heads/${name}` };
  };
}
