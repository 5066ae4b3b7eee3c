/** Runs that somebody starts from the command line, of branches that nothing else runs. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { until } from '@airlock/demo/flow';
import type { Pair } from '@airlock/demo/pair';
import type { CommandLine } from './command-line.ts';

export interface Run {
  readonly id: string;
  readonly state: string;
  readonly branch: string;
  readonly reason: string | null;
}

/** A branch whose pipeline begins by hand alone. */
export async function branchWith(pair: Pair, commands: readonly string[]): Promise<string> {
  const branch = `talk-${randomBytes(4).toString('hex')}`;
  const pipeline = {
    when: [{ event: 'manual' }],
    steps: [{ name: 'talk', image: 'shop-builder', commands }],
  };
  await pair.repository.commit({
    message: 'Talk for a while',
    author: { name: 'Dana Okafor', email: 'dana@demo.airlock.example' },
    ref: `refs/heads/${branch}`,
    files: { '.woodpecker.yaml': `${JSON.stringify(pipeline)}\n` },
  });
  return branch;
}

export const idIn = (text: string): string =>
  /run_[0-9a-z]{10}/.exec(text)?.[0] ?? assert.fail(text);

/** A branch is known as soon as git was asked for it. */
export const started = (shell: CommandLine, branch: string): Promise<string> =>
  until(`a run of ${branch}`, 60, async () => {
    const { status, text } = await shell.airlock('run', 'start', 'shop/shop-api', branch);
    if (status !== 0 && text.includes('as far as is known here')) return null;
    assert.equal(status, 0, text);
    return idIn(text);
  });

/** It is asked for at once and made a moment later. */
export const shown = (shell: CommandLine, id: string, holds: (run: Run) => boolean): Promise<Run> =>
  until(`what is wanted of ${id}`, 60, async () => {
    const { status, text } = await shell.airlock('run', 'show', id, '-o', 'json');
    if (status !== 0) return null;
    const run = JSON.parse(text) as Run;
    return holds(run) ? run : null;
  });
