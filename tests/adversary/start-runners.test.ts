/** The platform engineer's command starts machines for what waits: real runners, each of one job, until the queue is empty. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '@airlock/demo/flow';
import { runnerBundle } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import { parse, stringify } from 'yaml';
import { commitAside } from '../support/git.ts';
import { runningPair } from '../support/pair.ts';

const bundle = join(import.meta.dirname, '../../dist', runnerBundle);
const jobs = 10;
const maximum = 4;

type Config = Record<string, Record<string, unknown>>;
const configOf = (pair: Pair, name: string): string => join(pair.layout.config, `${name}.yaml`);
// Written by the demo itself.
const readConfig = (pair: Pair, name: string): Config =>
  parse(readFileSync(configOf(pair, name), 'utf8')) as Config;

/** A command as an engineer would write it: a directory for each machine, which joins with its token and builds once. */
function writeCommand(pair: Pair, directory: string): string[] {
  const config = readConfig(pair, 'runner');
  writeFileSync(join(directory, 'runner.json'), JSON.stringify(config));
  const script = join(directory, 'start.mjs');
  writeFileSync(
    script,
    `import { spawn, spawnSync } from 'node:child_process';
     import { appendFileSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
     import { join } from 'node:path';
     const [bundle, directory] = process.argv.slice(2);
     const order = JSON.parse(readFileSync(0, 'utf8'));
     const { tokens, ...told } = order;
     appendFileSync(join(directory, 'orders'), JSON.stringify({ ...told, tokens: tokens.length }) + '\\n');
     const config = JSON.parse(readFileSync(join(directory, 'runner.json'), 'utf8'));
     for (const token of tokens) {
       const own = mkdtempSync(join(directory, 'machine-'));
       const at = (name) => join(own, name);
       writeFileSync(at('token'), token, { mode: 0o600 });
       const joined = spawnSync(process.execPath, [bundle, 'join', order.url, '--token-file', at('token'), '--to', own], { encoding: 'utf8' });
       if (joined.status !== 0) { process.stderr.write(joined.stderr); process.exit(1); }
       writeFileSync(at('once.json'), JSON.stringify({
         ...config,
         controlPlane: { ...config.controlPlane, caFile: at('ca.pem'), identityFile: at('identity.pem') },
         attestation: { ...config.attestation, keyFile: at('attestation.key') },
         workDirectory: at('work'),
       }));
       const log = openSync(at('log'), 'w');
       spawn(process.execPath, [bundle, 'agent', '--config', at('once.json'), '--once'], {
         detached: true,
         stdio: ['ignore', log, log],
         env: { ...process.env, AIRLOCK_DEMO: '1' },
       }).unref();
     }`,
  );
  return [process.execPath, script, bundle, directory];
}

test('ten jobs wait, and the executor starts one-job runners, four at most at a time, until none does', async () => {
  const pair = await runningPair();
  const directory = mkdtempSync(join(tmpdir(), 'airlock-executor-'));
  const file = configOf(pair, 'nonprod-web');
  const before = readFileSync(file, 'utf8');
  await until('what the pair began with to be built', 120, async () => {
    const [row] = await pair.query<{ open: number; built: number }>(
      'nonprod',
      `select count(*) filter (where state in ('queued', 'leased'))::int as open,
         count(*) filter (where state = 'finished')::int as built from job`,
    );
    return row?.open === 0 && row.built > 0 ? true : null;
  });
  await pair.process('runner').stop();
  // A runner that was just heard of counts as one that is there: also those that other tests of this pair let in.
  const away = `update runner set last_seen_at = now() - interval '10 minutes' where pool = 'default'`;
  await pair.query('nonprod', away);
  try {
    const refs = Array.from({ length: jobs }, (_, index) => `refs/heads/scaled-${index}`);
    for (const ref of refs) await commitAside(pair, ref);
    const ofRefs = (state: string) =>
      pair.query<{ runner: string }>(
        'nonprod',
        `select job.runner from job join run on run.id = job.run_id
         where run.ref = any ($1) and job.state = $2`,
        [refs, state],
      );
    await until('ten queued jobs', 60, async () =>
      (await ofRefs('queued')).length === jobs ? true : null,
    );
    const [began] = await pair.query<{ now: Date }>('nonprod', 'select now()');
    await pair.process('nonprod-web').stop();
    const web = readConfig(pair, 'nonprod-web');
    const executor = { pool: 'default', command: writeCommand(pair, directory), maximum };
    writeFileSync(
      file,
      stringify({
        ...web,
        runnerEdge: {
          ...web['runnerEdge'],
          acceptByToken: ['default'],
          executors: [{ ...executor, size: 'small' }],
        },
      }),
    );
    await pair.start('nonprod-web');

    const most = { online: 0 };
    const done = await until('an empty queue', 180, async () => {
      const leased = await ofRefs('leased');
      most.online = Math.max(most.online, leased.length);
      const rows = await ofRefs('finished');
      return rows.length === jobs ? rows : null;
    });
    assert.ok(most.online >= 1 && most.online <= maximum, `${most.online} at once`);
    assert.equal(new Set(done.map(({ runner }) => runner)).size, jobs);
    const made = await pair.query<{ kind: string; created_by: string }>(
      'nonprod',
      'select kind, created_by from runner_token where created_at > $1',
      [began?.now],
    );
    assert.deepEqual(
      made,
      Array.from({ length: jobs }, () => ({ kind: 'once', created_by: 'airlock' })),
    );
    const orders = readFileSync(join(directory, 'orders'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const [first] = orders;
    const url = `https://127.0.0.1:${pair.ports.enrolment}`;
    assert.deepEqual(first, {
      pool: 'default',
      wanted: maximum,
      size: 'small',
      url,
      tokens: maximum,
    });
    assert.equal(readdirSync(directory).filter((name) => name.startsWith('machine-')).length, jobs);
  } finally {
    await pair.process('nonprod-web').stop();
    writeFileSync(file, before);
    await pair.start('nonprod-web');
    await pair.start('runner');
    rmSync(directory, { recursive: true, force: true });
  }
});
