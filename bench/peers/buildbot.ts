/** Buildbot as Debian packages it, with one local worker: the CI server that many of the guides we follow were written for. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '@airlock/testkit/ports';

export type Buildbot = {
  readonly url: string;
  /** Process ids of master and worker. */
  readonly pids: { readonly master: number; readonly worker: number };
  stop(): Promise<void>;
};

/**
 * Buildbot where it is on PATH; null, said in one line, where it is not. Debian's packages (`buildbot`, `buildbot-worker`)
 * lack its web part: `pip install --no-deps --target DIRECTORY buildbot-www==3.7.0`, and PYTHONPATH=DIRECTORY.
 *
 * @param options.secret of the GitHub hook, at `/change_hook/github`.
 * @param options.command what the one step of every build runs.
 * @param options.repository checked out anew before it, as shallow as Buildbot can; left out: no checkout.
 */
export async function startBuildbot(options: {
  readonly secret: string;
  readonly command: string;
  readonly repository?: string;
}): Promise<Buildbot | null> {
  if (spawnSync('buildbot', ['--version']).status !== 0) {
    console.error('! no peer: there is no buildbot on PATH (see bench/peers/buildbot.ts)');
    return null;
  }
  const directory = mkdtempSync(join(tmpdir(), 'airlock-buildbot-'));
  const [web, pb] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${web}/`;
  const [master, worker] = [join(directory, 'master'), join(directory, 'worker')];
  run('buildbot', ['create-master', '--quiet', master]);
  writeFileSync(join(master, 'master.cfg'), masterConfig({ ...options, url, web, pb }));
  run('buildbot-worker', ['create-worker', '--quiet', worker, `127.0.0.1:${pb}`, 'w1', 'pass']);
  const children = [
    spawn('buildbot', ['start', '--nodaemon', master], { stdio: 'ignore' }),
    spawn('buildbot-worker', ['start', '--nodaemon', worker], { stdio: 'ignore' }),
  ] as const;
  const stop = async (): Promise<void> => {
    await Promise.all(children.map(ended));
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await untilConnected(url);
  } catch (cause) {
    const log = readFileSync(join(master, 'twistd.log'), 'utf8').slice(-2000);
    await stop();
    const fault = /^\s*builtins\.\w+: (.*)$/m.exec(log)?.[1] ?? String(cause);
    console.error(`! no peer: Buildbot did not start: ${fault}`);
    return null;
  }
  const [{ pid: masterPid = 0 }, { pid: workerPid = 0 }] = children;
  return { url, pids: { master: masterPid, worker: workerPid }, stop };
}

function run(program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  await new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), 5_000).unref();
  });
}

async function untilConnected(url: string): Promise<void> {
  const until = Date.now() + 60_000;
  while (Date.now() < until) {
    try {
      const answer = await fetch(`${url}api/v2/workers`);
      const { workers } = (await answer.json()) as { workers: { connected_to: unknown[] }[] };
      if ((workers[0]?.connected_to.length ?? 0) > 0) return;
    } catch {
      // Not listening yet.
    }
    await sleep(100);
  }
  throw new Error('no worker connected within a minute');
}

const text = (value: string): string => JSON.stringify(value);

const checkout = (repository: string | undefined): string =>
  repository === undefined
    ? ''
    : `factory.addStep(steps.Git(repourl=${text(repository)}, mode="full", method="clobber", shallow=True))\n`;

function masterConfig(options: {
  readonly secret: string;
  readonly command: string;
  readonly repository?: string;
  readonly url: string;
  readonly web: number;
  readonly pb: number;
}): string {
  return `from buildbot.plugins import schedulers, steps, util, worker
factory = util.BuildFactory()
${checkout(options.repository)}factory.addStep(steps.ShellCommand(name="one", command=["/bin/sh", "-c", ${text(options.command)}], haltOnFailure=True))
BuildmasterConfig = {
    "workers": [worker.Worker("w1", "pass", max_builds=2)],
    "protocols": {"pb": {"port": "tcp:${options.pb}:interface=127.0.0.1"}},
    "schedulers": [
        schedulers.AnyBranchScheduler(name="all", treeStableTimer=None, builderNames=["one"]),
        schedulers.ForceScheduler(name="force", builderNames=["one"]),
    ],
    "builders": [util.BuilderConfig(name="one", workernames=["w1"], factory=factory, collapseRequests=False)],
    "www": {
        "port": "tcp:${options.web}:interface=127.0.0.1",
        "plugins": {},
        "change_hook_dialects": {"github": {"secret": ${text(options.secret)}, "strict": True}},
    },
    "db": {"db_url": "sqlite:///state.sqlite"},
    "title": "peer",
    "titleURL": ${text(options.url)},
    "buildbotURL": ${text(options.url)},
    "buildbotNetUsageData": None,
}
`;
}
