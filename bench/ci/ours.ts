/** A whole pair whose repository is the bench's own, and which hears of a push by its webhook alone. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { root } from '@airlock/demo/names';
import { startPair, type Pair } from '@airlock/demo/pair';
import { createProgress } from '@airlock/demo/progress';
import { joinRunner } from '@airlock/demo/runner';
import { startProcess, type RunningProcess } from '@airlock/demo/supervisor';
import { parse, stringify } from 'yaml';
import { commitsIn, pipelineOf, type Tree } from './commits.ts';
import { until, type Build, type Contestant } from './contestant.ts';
import { delivery, send } from './delivery.ts';
import { readEvents } from './event-stream.ts';

export type Ours = Contestant & {
  readonly pair: Pair;
  /** Of the webhook. */
  readonly secret: string;
  /** Lines of the log of a build's one step, from a number on, as the page asks for them; 1,000 at most. */
  lines(
    build: Build,
    from: number,
    count: number,
  ): Promise<{ readonly total: number; readonly count: number }>;
  /** A repository of commits like ours for the others to build: ours would build theirs too, found on its way. */
  readonly elsewhere: { readonly url: string; prepare(): Promise<Build> };
};

const lookMs = 4;

export async function startOurs(options: {
  readonly script: string;
  /** Null: the step runs without a checkout. */
  readonly tree: Tree | null;
  /** 1 or 2. */
  readonly runners: number;
  /** Given to the step, by name; 16 bytes or more each. */
  readonly secrets?: ReadonlyMap<string, string>;
}): Promise<Ours> {
  const { secrets = new Map<string, string>() } = options;
  const directory = mkdtempSync(join(tmpdir(), 'airlock-bench-'));
  const quiet = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const pair = await startPair({ directory, ports: 'free', progress: createProgress(quiet) });
  const more: RunningProcess[] = [];
  // A connection each: one that idled may be closed by the server while it is used.
  const agent = new Agent({ keepAlive: false });
  const stop = async (): Promise<void> => {
    agent.destroy();
    await Promise.all(more.map((each) => each.stop()));
    await pair.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await onlyByWebhook(pair);
    if (options.runners > 1) more.push(await secondRunner(pair));
    const content = {
      pipeline: pipelineOf(options.script, options.tree !== null, [...secrets.keys()]),
      tree: options.tree,
    };
    const commit = commitsIn(pair.repository.bareDirectory, content);
    const other = join(pair.layout.git, 'elsewhere.git');
    execFileSync('git', ['init', '--quiet', '--bare', other]);
    const otherCommit = commitsIn(other, content);
    const secret = readFileSync(join(pair.layout.keys, 'database/webhook'), 'utf8').trim();
    const origin = new URL(pair.nonprodOrigin);
    const url = new URL(`http://127.0.0.1:${origin.port}/hooks/git/github`);
    const target = { url, host: origin.host, secret, taken: 202 };
    const dana = await pair.signIn('nonprod', 'dana');
    if (secrets.size > 0) await setSecrets(pair, secrets);
    const ids = new Map<string, string>();
    const idOf = async ({ commit: wanted }: Build): Promise<string | null> => {
      const known = ids.get(wanted);
      if (known !== undefined) return known;
      const sql = `select id from run where repository = 'shop/shop-api' and commit = $1`;
      const [row] = await pair.query<{ id: string }>('nonprod', sql, [wanted]);
      if (row !== undefined) ids.set(wanted, row.id);
      return row?.id ?? null;
    };
    return {
      name: 'ours',
      pair,
      secret,
      elsewhere: {
        url: pathToFileURL(other).href,
        prepare: () => Promise.resolve(otherCommit()),
      },
      prepare: () => Promise.resolve(commit()),
      async announce(build) {
        await send(target, agent, delivery(target, build));
      },
      async output(build) {
        const id = await idOf(build);
        if (id === null) return '';
        return textOf(await dana.getJson(`/api/v1/runs/${id}/lines?count=1000`));
      },
      async lines(build, from, count) {
        const path = `/api/v1/runs/${(await idOf(build)) ?? ''}/lines?from=${from}&count=${count}`;
        const { total, lines } = (await dana.getJson(path)) as Shown;
        return { total, count: lines.length };
      },
      async isOver(build) {
        const sql = `select state, reason from run where repository = 'shop/shop-api' and commit = $1`;
        const [row] = await pair.query<{ state: string; reason: string | null }>('nonprod', sql, [
          build.commit,
        ]);
        if (row?.state === 'failed' || row?.state === 'held') {
          throw new Error(`the build ended ${row.state}: ${row.reason ?? ''}`);
        }
        return row?.state === 'passed';
      },
      async follow(build, onText) {
        await until('a job with a log', lookMs, async () => {
          const sql = `select 1 from job join run on run.id = job.run_id where run.commit = $1 and job.state = 'leased'`;
          return (await pair.query('nonprod', sql, [build.commit])).length > 0;
        });
        const id = (await idOf(build)) ?? '';
        // A frame shows the end of a log that runs away; as the page does, the lines before it are asked for.
        let shown = 0;
        let asking: Promise<void> = Promise.resolve();
        const askFor = async (from: number, count: number): Promise<void> => {
          onText(
            textOf(await dana.getJson(`/api/v1/runs/${id}/lines?from=${from}&count=${count}`)),
          );
        };
        await readEvents(await dana.openStream(`/runs/${id}/lines`), ({ name, data }) => {
          if (name !== 'lines') return;
          const frame: unknown = JSON.parse(data);
          onText(textOf(frame));
          const { total, lines } = frame as Shown;
          const [from, count] = [shown + 1, total - lines.length - shown];
          if (count > 0) asking = asking.then(() => askFor(from, count));
          shown = total;
        });
        await asking;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The form of our own API. */
type Shown = { readonly total: number; readonly lines: readonly unknown[] };

/** The text of lines as the page gets them, marked up. */
function textOf(answer: unknown): string {
  const { lines } = answer as Shown;
  return lines.map((line) => JSON.stringify(line)).join('\n');
}

/** The demo asks git every second, which would find a commit before its webhook comes. */
async function onlyByWebhook(pair: Pair): Promise<void> {
  const file = join(pair.layout.config, 'nonprod-scheduler.yaml');
  // The demo wrote it.
  const config = parse(readFileSync(file, 'utf8')) as { git: object };
  writeFileSync(file, stringify({ ...config, git: { ...config.git, pollSeconds: 3600 } }));
  await until('the first look at git', 50, async () => {
    const rows = await pair.query('nonprod', `select 1 from git_head where ref = 'refs/tags'`);
    return rows.length > 0;
  });
  await pair.process('nonprod-scheduler').stop();
  await pair.start('nonprod-scheduler');
  // Main's own build is not to run beside what is measured.
  await until('the end of what was there', 100, async () => {
    const sql = `select 1 from run where state in ('queued', 'running') or signing = 'wanted'`;
    return (await pair.query('nonprod', sql)).length === 0;
  });
}

async function setSecrets(pair: Pair, secrets: ReadonlyMap<string, string>): Promise<void> {
  const oke = await pair.signIn('nonprod', 'oke');
  const filters = { events: ['push'], protectedOnly: false, leastTrust: 0 };
  for (const [name, value] of secrets) {
    await oke.postJson('/api/v1/secrets', {
      ...{ name, value, description: '', lowValue: true, filters },
    });
  }
}

async function secondRunner(pair: Pair): Promise<RunningProcess> {
  const { layout, ports } = pair;
  const directory = join(layout.keys, 'second-runner');
  const runner = 'second-runner';
  await joinRunner({
    ...{ nonprodOrigin: pair.nonprodOrigin, directory, runner },
    enrolmentUrl: `https://127.0.0.1:${ports.enrolment}`,
  });
  // The demo wrote it.
  const config = parse(readFileSync(join(layout.config, 'runner.yaml'), 'utf8')) as {
    controlPlane: object;
  };
  const workDirectory = join(layout.work, runner);
  mkdirSync(workDirectory, { recursive: true });
  const file = join(layout.config, `${runner}.yaml`);
  const controlPlane = {
    ...config.controlPlane,
    caFile: join(directory, 'ca.pem'),
    identityFile: join(directory, 'identity.pem'),
  };
  writeFileSync(file, stringify({ ...config, workDirectory, controlPlane }), { mode: 0o600 });
  return await startProcess({
    name: runner,
    command: [process.execPath, join(root, 'dist/runner/agent.mjs'), '--config', file],
    logFile: join(layout.logs, `${runner}.log`),
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', AIRLOCK_DEMO: '1' },
  });
}
