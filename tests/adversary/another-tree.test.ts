/** What is built is the commit's own tree: whoever owns nonprod's web can hand the runner other files, and none are built. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Pair } from '@airlock/demo/pair';
import { firstProducts, productsFile } from '@airlock/demo/repository';
import { runningPair } from '../support/pair.ts';
import { tamperedRun } from '../support/runs.ts';

/** In nonprod's mirror, a commit like this one in everything, its time too, but for a product that no commit of main sells. */
function commitOfOtherFiles(pair: Pair, commit: string, directory: string): string {
  const env = { ...process.env, GIT_INDEX_FILE: join(directory, 'index') };
  const git = (args: readonly string[], more: object = {}, input = ''): string => {
    const mirror = `--git-dir=${join(pair.layout.mirrors, 'nonprod.git')}`;
    const identity = ['-c', 'user.name=d', '-c', 'user.email=d@x'];
    const options = { env: { ...env, ...more }, input, encoding: 'utf8' } as const;
    return execFileSync('git', [mirror, ...identity, ...args], options).trim();
  };
  const contraband = productsFile([
    ...firstProducts,
    { sku: 'contraband', name: 'Contraband', price_cents: 1 },
  ]);
  const blob = git(['hash-object', '-w', '--stdin'], {}, contraband);
  git(['read-tree', commit]);
  git(['update-index', '--cacheinfo', `100644,${blob},products.json`]);
  const date = git(['show', '-s', '--format=%ct +0000', commit]);
  const dates = { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
  return git(['commit-tree', git(['write-tree']), '-m', 'other files'], dates);
}

/** A git that archives `other` where `commit` is asked for, and is honest in all else. */
function lyingGit(directory: string, commit: string, other: string): void {
  const real = execFileSync('/bin/sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  const script = `#!/bin/bash
if [[ " $* " == *" archive "* ]]; then exec ${real} "\${@/#${commit}/${other}}"; fi
exec ${real} "$@"
`;
  writeFileSync(join(directory, 'git'), script, { mode: 0o755 });
}

/** What its runner said of the job of a run. */
async function failureOf(pair: Pair, run: string): Promise<string> {
  const rows = await pair.query<{ reason: string | null }>(
    'nonprod',
    'select reason from job where run_id = $1',
    [run],
  );
  return rows[0]?.reason ?? '';
}

test('other files than the commit’s are refused by the runner when nonprod’s web hands them out: no step runs, and nothing is signed', async () => {
  const pair = await runningPair();
  const directory = mkdtempSync(join(tmpdir(), 'airlock-lying-git-'));
  const admitted = (): Promise<{ id: string }[]> => pair.query('gate', 'select id from promotion');
  const before = await admitted();
  try {
    const run = await tamperedRun(pair, async (_, commit) => {
      lyingGit(directory, commit, commitOfOtherFiles(pair, commit, directory));
      await pair.process('nonprod-web').stop();
      await pair.start('nonprod-web', { PATH: `${directory}:${process.env['PATH'] ?? ''}` });
    });
    assert.equal(run.state, 'failed');
    assert.match(
      await failureOf(pair, run.id),
      /could not be unpacked: the archive holds tree [0-9a-f]{40}, and commit [0-9a-f]{40} names [0-9a-f]{40}$/,
    );
    const signed = await pair.query('nonprod', 'select 1 from candidate where run_id = $1', [
      run.id,
    ]);
    assert.deepEqual(signed, []);
    assert.deepEqual(await admitted(), before);
  } finally {
    await pair.process('nonprod-web').stop();
    await pair.start('nonprod-web');
    rmSync(directory, { recursive: true });
  }
  const honest = await tamperedRun(pair, async () => {});
  assert.equal(honest.signing, 'signed', honest.reason ?? '');
});
