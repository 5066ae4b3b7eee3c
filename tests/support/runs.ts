/** Runs at nonprod, as its database has them. */
import assert from 'node:assert/strict';
import { commitNewProduct, until } from '@airlock/demo/flow';
import type { Pair } from '@airlock/demo/pair';

export type Run = { id: string; state: string; signing: string; reason: string | null };

async function runOf(pair: Pair, commit: string): Promise<Run | null> {
  const [run] = await pair.query<Run>(
    'nonprod',
    'select id, state, signing, signing_reason as reason from run where commit = $1',
    [commit],
  );
  return run ?? null;
}

export const runWith = (pair: Pair, commit: string, holds: (run: Run) => boolean): Promise<Run> =>
  until(`the run of ${commit.slice(0, 7)}`, 60, async () => {
    const run = await runOf(pair, commit);
    return run !== null && holds(run) ? run : null;
  });

/** A new commit of main whose run waits; `tamper` has it to itself, then the runner takes it. What became of its signing. */
export async function tamperedRun(
  pair: Pair,
  tamper: (run: Run, commit: string) => Promise<void>,
): Promise<Run> {
  await pair.process('runner').stop();
  let commit: string;
  try {
    commit = await commitNewProduct(pair);
    await tamper(await runWith(pair, commit, ({ state }) => state === 'queued'), commit);
  } finally {
    await pair.start('runner');
  }
  return runWith(
    pair,
    commit,
    ({ state, signing }) => state === 'failed' || signing === 'refused' || signing === 'signed',
  );
}

/** It was built, and no candidate came of it, so that nobody can ask for its promotion. */
export async function assertNothingSigned(pair: Pair, run: Run, code: RegExp): Promise<void> {
  assert.equal(run.state, 'passed');
  assert.equal(run.signing, 'refused');
  assert.match(run.reason ?? '', code);
  const rows = await pair.query('nonprod', 'select 1 from candidate where run_id = $1', [run.id]);
  assert.deepEqual(rows, []);
}
