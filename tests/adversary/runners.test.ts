/** Who has a runner, or its key, has the jobs of its pool while it may have them, and nothing else. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '@airlock/demo/flow';
import { bundleOf } from '@airlock/demo/names';
import type { Pair } from '@airlock/demo/pair';
import { joinRunner } from '@airlock/demo/runner';
import { mutualTlsAgent } from '@airlock/process/mtls';
import { parse, stringify } from 'yaml';
import { commitAside } from '../support/git.ts';
import { runningPair } from '../support/pair.ts';

const root = join(import.meta.dirname, '../..');
const serverIdentity = 'airlock:nonprod:runner-api';

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One process that has the key of a runner. */
function speaker(pair: Pair, directory: string, instance = randomBytes(16).toString('hex')) {
  const identity = join(directory, 'identity.pem');
  const agent = mutualTlsAgent({
    ...{ caFile: join(directory, 'ca.pem'), serverIdentity },
    ...{ certificateFile: identity, keyFile: identity },
  });
  const call = (path: string, body: unknown): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        `https://127.0.0.1:${pair.ports.runnerApi}${path}`,
        // Kept open between two calls, the server may end it just as the next one is sent.
        {
          ...{ method: 'POST', agent },
          headers: { 'x-airlock-instance': instance, connection: 'close' },
        },
        (incoming) => {
          let text = '';
          incoming.setEncoding('utf8').on('data', (part: string) => (text += part));
          incoming.on('end', () => {
            resolve({ status: incoming.statusCode ?? 0, text });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(JSON.stringify(body));
    });
  return {
    call,
    hello: () => call('/v1/runner/hello', { version: 'x', isolation: 'none', labels: [] }),
    close: () => {
      agent.destroy();
    },
  };
}

async function joined(
  pair: Pair,
  runner: string,
  once = false,
  directory = mkdtempSync(join(tmpdir(), `airlock-${runner}-`)),
): Promise<string> {
  await joinRunner({
    ...{ nonprodOrigin: pair.nonprodOrigin, directory, runner, once },
    enrolmentUrl: `https://127.0.0.1:${pair.ports.enrolment}`,
  });
  return directory;
}

const stateOf = async (pair: Pair, runner: string): Promise<string | undefined> =>
  (
    await pair.query<{ state: string }>('nonprod', 'select state from runner where id = $1', [
      runner,
    ])
  )[0]?.state;

test('runner-impersonate, runner-other-job, runner-status-forge: another runner can neither end nor keep a job that is not its own, nor ask in another pool', async () => {
  const pair = await runningPair();
  const directory = await joined(pair, 'thief');
  const thief = speaker(pair, directory);
  try {
    assert.equal((await thief.hello()).status, 204);
    // Ended, so that what becomes of it after is the thief's doing.
    const job = await until('a job that the genuine runner has built', 60, async () => {
      const [row] = await pair.query<{ id: string; lease: string; state: string }>(
        'nonprod',
        `select id, lease, state from job where runner = 'runner-1' and state = 'finished'
         order by created_at desc limit 1`,
      );
      return row ?? null;
    });
    const lease = Number(job.lease);
    const report = {
      ...{ lease, outcome: 'failed', reason: 'forged', steps: [], artifact: null },
      ...{ attestation: null, egress: null, isolation: { mode: 'none', enforced: [] } },
    };
    const beat = await thief.call(`/v1/jobs/${job.id}/heartbeat`, { lease });
    assert.equal(beat.status, 409);
    const forged = await thief.call(`/v1/jobs/${job.id}/report`, report);
    assert.ok([400, 409].includes(forged.status), forged.text);
    assert.equal((await thief.call('/v1/lease', { pool: 'trusted' })).status, 403);
    const [after] = await pair.query('nonprod', 'select id, lease, state from job where id = $1', [
      job.id,
    ]);
    assert.deepEqual(after, job);
  } finally {
    thief.close();
    rmSync(directory, { recursive: true });
  }
});

test('runner-clone: a copy of the key in a second place is found out, and neither place may speak after', async () => {
  const pair = await runningPair();
  const directory = await joined(pair, 'copied');
  const copy = mkdtempSync(join(tmpdir(), 'airlock-copy-'));
  cpSync(directory, copy, { recursive: true });
  const genuine = speaker(pair, directory);
  const clone = speaker(pair, copy);
  try {
    assert.equal((await genuine.hello()).status, 204);
    assert.equal((await clone.hello()).status, 204);
    const caught = await genuine.call('/v1/jobs/none/heartbeat', { lease: 1 });
    assert.equal(caught.status, 403, caught.text);
    assert.equal(await stateOf(pair, 'copied'), 'quarantined');
    for (const each of [genuine, clone]) assert.equal((await each.hello()).status, 403);
  } finally {
    genuine.close();
    clone.close();
    for (const each of [directory, copy]) rmSync(each, { recursive: true });
  }
});

test('a build that is stolen with its runner’s key by quarantine is done once more, by another', async () => {
  const pair = await runningPair();
  const directory = await joined(pair, 'captured');
  await pair.process('runner').stop();
  const captured = speaker(pair, directory);
  try {
    assert.equal((await captured.hello()).status, 204);
    const commit = await commitAside(pair, 'refs/heads/captured');
    const leased = await until('a job for the captured runner', 30, async () => {
      const answer = await captured.call('/v1/lease', { pool: 'default' });
      return answer.status === 200 ? answer : null;
    });
    assert.match(leased.text, new RegExp(commit));
    const platform = await pair.signIn('nonprod', 'oke');
    await platform.postJson('/api/v1/runners/captured/quarantine', {
      ...{ reason: 'beacon seen', sinceHours: 1 },
    });
    assert.equal((await captured.hello()).status, 403);
  } finally {
    captured.close();
    await pair.start('runner');
    rmSync(directory, { recursive: true });
  }
  const built = await until('the build by another', 60, async () => {
    const [row] = await pair.query<{ runner: string; attempt: number }>(
      'nonprod',
      `select runner, attempt from job join run on run.id = job.run_id
       where run.ref = 'refs/heads/captured' and job.state = 'finished'`,
    );
    return row ?? null;
  });
  assert.deepEqual(built, { runner: 'runner-1', attempt: 2 });
});

/** Starts the agent with --once; its exit code, and what is left where it worked. */
async function runOnce(
  pair: Pair,
  directory: string,
  changed: Readonly<Record<string, unknown>> = {},
): Promise<{ code: number | null; left: string[]; said: string }> {
  const workDirectory = join(directory, 'work');
  // Written by the demo itself.
  const config = parse(readFileSync(join(pair.layout.config, 'runner.yaml'), 'utf8')) as Record<
    string,
    Record<string, unknown>
  >;
  const file = join(directory, 'once.yaml');
  const controlPlane = {
    ...config['controlPlane'],
    caFile: join(directory, 'ca.pem'),
    identityFile: join(directory, 'identity.pem'),
  };
  const keyFile = join(directory, 'attestation.key');
  const attestation = { ...config['attestation'], keyFile };
  writeFileSync(
    file,
    stringify({ ...config, controlPlane, attestation, workDirectory, ...changed }),
  );
  const child = spawn(
    process.execPath,
    [join(root, 'dist', bundleOf.runner), '--config', file, '--once'],
    {
      env: {
        PATH: process.env['PATH'] ?? '/usr/bin:/bin',
        AIRLOCK_DEMO: '1',
        NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/compile'),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (said += part));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said, left: existsSync(workDirectory) ? readdirSync(workDirectory) : [] };
}

test('ten runners of one job each drain a queue of ten, end with 0 and leave no workspace', async () => {
  const pair = await runningPair();
  await pair.process('runner').stop();
  const directories: string[] = [];
  try {
    const refs = Array.from({ length: 10 }, (_, index) => `refs/heads/once-${index}`);
    for (const ref of refs) await commitAside(pair, ref);
    await until('ten queued jobs', 60, async () => {
      const rows = await pair.query(
        'nonprod',
        `select 1 from job join run on run.id = job.run_id
         where run.ref = any ($1) and job.state = 'queued'`,
        [refs],
      );
      return rows.length === 10 ? rows : null;
    });
    for (let index = 0; index < 10; index += 1) {
      const directory = await joined(pair, `once-${index}`, true);
      directories.push(directory);
      const { code, left, said } = await runOnce(pair, directory);
      assert.deepEqual([code, left], [0, []], said);
    }
    const rows = await pair.query<{ runner: string }>(
      'nonprod',
      `select runner from job join run on run.id = job.run_id
       where run.ref = any ($1) and job.state = 'finished' order by runner`,
      [refs],
    );
    assert.deepEqual(
      rows.map(({ runner }) => runner),
      Array.from({ length: 10 }, (_, index) => `once-${index}`),
    );
    const [first = ''] = directories;
    const spent = speaker(pair, first);
    assert.match((await spent.hello()).text, /registered for one job and had it/);
    spent.close();
  } finally {
    for (const directory of directories) rmSync(directory, { recursive: true });
    await pair.start('runner');
  }
});

test('a runner builds a repository no more often in a day than its own configuration says, whatever nonprod gives it', async () => {
  const pair = await runningPair();
  await until('nothing to be built', 60, async () => {
    const open = await pair.query(
      'nonprod',
      "select 1 from job where state in ('queued', 'leased')",
    );
    return open.length === 0 ? true : null;
  });
  await pair.process('runner').stop();
  const directory = await joined(pair, 'bounded');
  const refs = [0, 1].map((index) => `refs/heads/bounded-${index}`);
  const ended = async (): Promise<{ outcome: string; reason: string | null }[]> =>
    pair.query(
      'nonprod',
      `select job.outcome, job.reason from job join run on run.id = job.run_id
       where run.ref = any ($1) and job.state = 'finished' order by job.finished_at`,
      [refs],
    );
  try {
    for (const [index, ref] of refs.entries()) {
      await commitAside(pair, ref);
      // Each is another process, enrolled anew, in another work directory: the count stands beside the identity.
      if (index > 0) await joined(pair, 'bounded', false, directory);
      const { code, said } = await runOnce(pair, directory, {
        workDirectory: join(directory, `work-${index}`),
        budget: { minutes: 60, repository: { builds: 1 } },
      });
      assert.equal(code, 0, said);
      assert.equal((await ended()).length, index + 1);
    }
    const [first, second] = await ended();
    assert.equal(first?.outcome, 'passed', first?.reason ?? '');
    assert.equal(second?.outcome, 'failed');
    assert.match(second.reason ?? '', /^this runner gives one repository 1 builds a day/);
  } finally {
    rmSync(directory, { recursive: true });
    await pair.start('runner');
  }
});
