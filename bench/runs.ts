/**
 * P12: pages and their JSON with 100,000 runs and 10,000 candidates and promotions stored, in milliseconds until the whole answer
 * was there over a kept connection. The limit is the goal; the peer is the same installation with a hundredth of it stored.
 */
import type { Pair } from '@airlock/demo/pair';
import { timeOne } from './ci/latency.ts';
import { startOurs } from './ci/ours.ts';
import { median, type Figure } from './harness.ts';

const stored = [1_000, 100_000] as const;
const goalMs = 50;
const looks = 40;
const warmUps = 5;

export async function* bench(): AsyncGenerator<Figure> {
  const ours = await startOurs({ script: 'echo "line $((40 + 2))"', tree: null, runners: 1 });
  try {
    const { pair } = ours;
    await timeOne(ours, 'line 42');
    const [built] = await pair.query<{ id: string }>(
      'nonprod',
      `select id from run where event = 'push' order by created_at desc limit 1`,
    );
    if (built === undefined) throw new Error('nothing was built');
    const paths = {
      'list of runs': '/',
      'list of runs, JSON': '/api/v1/runs',
      'page of a run': `/runs/${built.id}`,
      'list of candidates': '/candidates',
      'list of promotions': '/promotions',
    };
    const dana = await pair.signIn('nonprod', 'dana');
    const found: Record<string, number>[] = [];
    let from = 1;
    for (const upTo of stored) {
      await copyRuns(pair, built.id, from, upTo);
      from = upTo + 1;
      const times: Record<string, number> = {};
      for (const [name, path] of Object.entries(paths)) {
        const samples: number[] = [];
        for (let look = -warmUps; look < looks; look += 1) {
          const began = performance.now();
          await dana.getBytes(path);
          if (look >= 0) samples.push(performance.now() - began);
        }
        times[name] = median(samples);
      }
      found.push(times);
    }
    const [few = {}, many = {}] = found;
    for (const name of Object.keys(paths)) {
      const value = many[name] ?? Number.NaN;
      yield {
        name: `runs: ${name} with ${stored[1]} stored; peer: with ${stored[0]}`,
        ...{ value, unit: 'ms', limit: goalMs, ratio: value / goalMs },
        ...(few[name] === undefined ? {} : { peer: few[name] }),
      };
    }
  } finally {
    await ours.stop();
  }
}

/** Copies of a run with all that hangs on it, a minute apart; of each tenth a candidate and a promotion too. */
async function copyRuns(pair: Pair, run: string, from: number, upTo: number): Promise<void> {
  const copy = (table: string, where: string, changes: Record<string, string>): string => `
    insert into ${table}
    select copied.* from ${table} original
      cross join generate_series($2::int, $3::int) n
      cross join lateral (select substr(md5(n::text), 1, 10) as id) as named
      cross join lateral jsonb_populate_record(original, jsonb_build_object(${Object.entries(
        changes,
      )
        .map(([column, value]) => `'${column}', ${value}`)
        .join(', ')})) copied
    where ${where}`;
  const of = async (sql: string): Promise<void> => {
    await pair.query('nonprod', sql, [run, from, upTo]);
  };
  const runId = `'run_' || named.id`;
  const jobId = `'job_' || named.id`;
  await of(
    copy('run', 'original.id = $1', {
      id: runId,
      number: '1000000 + n',
      commit: `substr(md5(n::text) || md5(n::text), 1, 40)`,
      created_at: `original.created_at - n * interval '1 minute'`,
    }),
  );
  await of(copy('run_trust', 'original.run_id = $1', { run_id: runId }));
  await of(copy('job', 'original.run_id = $1', { id: jobId, run_id: runId }));
  await of(
    copy('step', 'original.job_id in (select id from job where run_id = $1)', { job_id: jobId }),
  );
  const tenth = `n % 10 = 0 and $1 <> ''`;
  await of(
    copy('candidate', `${tenth} and original.release not like '%-copy-%'`, {
      id: `'cand_' || named.id`,
      run_id: runId,
      release: `original.release || '-copy-' || n`,
      created_at: `original.created_at - n * interval '1 minute'`,
    }),
  );
  await of(
    `insert into promotion_request (id, candidate_id, target, reason, requester_id, requester_idp, requester_name,
       requested_at, state, state_reason)
     select 'prq_' || named.id, 'cand_' || named.id, 'prod-eu', 'copied', 'dana', 'idp', 'Dana Okafor',
       now() - n * interval '1 minute', 'refused', 'copied'
     from generate_series($2::int, $3::int) n cross join lateral (select substr(md5(n::text), 1, 10) as id) as named
     where ${tenth}`,
  );
  await pair.query('nonprod', 'vacuum analyze');
}
