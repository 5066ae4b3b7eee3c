/** The door that everybody has who may push or open a pull request: a commit, and what its pipeline does. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import { signedIn } from '../signed-in.ts';
import type { Way } from './drill.ts';
import { signCommit } from './forge-key.ts';
import type { DrillTarget } from './target.ts';

const execute = promisify(execFile);

const Forge = z.looseObject({ privateKeyPem: z.string() });

const Run = z.looseObject({
  id: z.string(),
  ref: z.string(),
  commit: z.string(),
  state: z.string(),
  reason: z.string().nullable(),
});
const Runs = z.object({ runs: z.array(Run) });
const Details = Run.extend({
  jobs: z.array(
    z.looseObject({
      id: z.string(),
      state: z.string(),
      reason: z.string().nullable(),
      pool: z.string().nullable(),
      steps: z.array(z.looseObject({ name: z.string(), state: z.string() })),
    }),
  ),
});
export type RunSeen = z.infer<typeof Details>;

export interface Push {
  /** Full ref. Default a branch that nobody had before. */
  readonly ref?: string;
  readonly message?: string;
  readonly author?: string;
  /** Default nobody's whom the gate knows: with a commit of theirs on main nothing is delivered any more. */
  readonly email?: string;
  readonly files: Readonly<Record<string, string>>;
  /** Called with the commit before anybody can see it. */
  readonly before?: (commit: string) => Promise<void>;
}

const forgeOf = ({ directory }: DrillTarget) =>
  Forge.parse(JSON.parse(readFileSync(join(directory, 'keys/forge.json'), 'utf8')));

/** Commits on top of main and pushes; the commit id. */
export async function push(target: DrillTarget, change: Push): Promise<string> {
  const { files, message = 'A drill', author = 'Drill', before } = change;
  const { email = 'drill@attacker.example' } = change;
  const { ref = `refs/heads/drill-${randomBytes(6).toString('hex')}` } = change;
  const directory = await mkdtemp(join(tmpdir(), 'airlock-drill-'));
  const git = async (...args: readonly string[]): Promise<string> => {
    const identity = ['-c', `user.name=${author}`, '-c', `user.email=${email}`];
    const { stdout } = await execute('git', [...identity, '-C', directory, ...args], {
      env: {
        ...{ PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: directory },
        ...{ GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null', GIT_TERMINAL_PROMPT: '0' },
      },
    });
    return stdout.trim();
  };
  try {
    const { bareDirectory, main } = target.repository;
    await git('clone', '--quiet', '--branch', main, '--', bareDirectory, 'work');
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(directory, 'work', path)), { recursive: true });
      await writeFile(join(directory, 'work', path), content);
    }
    await git('-C', 'work', 'add', '--all');
    await git('-C', 'work', 'commit', '--quiet', '--allow-empty', '-m', message);
    const made = await git('-C', 'work', 'rev-parse', 'HEAD');
    // What reaches main is merged by the forge, which signs it: unsigned, nothing on it could be delivered any more.
    const commit =
      ref === `refs/heads/${main}`
        ? signCommit(join(directory, 'work'), made, forgeOf(target))
        : made;
    await before?.(commit);
    await git('-C', 'work', 'push', '--quiet', '--force', 'origin', `${commit}:${ref}`);
    return commit;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const ended = new Set(['passed', 'failed', 'cancelled']);
const patienceMs = 180_000;

/**
 * The run of that commit, or of that id, when `isSeen` holds of it.
 *
 * @throws when it does not come to that within three minutes.
 */
export async function runOf(
  target: DrillTarget,
  wanted: string,
  isSeen: (run: RunSeen) => boolean = ({ state }) => ended.has(state),
): Promise<RunSeen> {
  const dana = await signedIn(target.nonprod, 'dana');
  const until = performance.now() + patienceMs;
  let last = 'no run';
  while (performance.now() < until) {
    const { runs } = Runs.parse(await dana.getJson('/api/v1/runs'));
    const found = runs.find(({ id, commit }) => commit === wanted || id === wanted);
    if (found !== undefined) {
      const run = Details.parse(await dana.getJson(`/api/v1/runs/${found.id}`));
      if (isSeen(run)) return run;
      last = `a run that is ${run.state}`;
    }
    await delay(250);
  }
  throw new Error(`three minutes after ${wanted.slice(0, 14)} was asked for there is ${last}`);
}

export const reasonsOf = (run: RunSeen): string =>
  [run.reason, ...run.jobs.map(({ reason }) => reason)]
    .filter((reason) => reason !== null)
    .join('; ');

/** What a step said. */
export async function logOf(target: DrillTarget, run: RunSeen, step: string): Promise<string> {
  const dana = await signedIn(target.nonprod, 'dana');
  return (await dana.getBytes(`/runs/${run.id}/log.txt?step=${step}`)).toString('utf8');
}

/**
 * A pipeline of one step, which executes attack.sh.
 *
 * @param more fields of the step.
 * @param above fields of the workflow.
 */
export function pipelineOf(
  more: Readonly<Record<string, unknown>> = {},
  above: Readonly<Record<string, unknown>> = {},
): string {
  // JSON is YAML.
  const step = {
    ...{ name: 'attack', image: 'shop-builder', commands: ['bash attack.sh'] },
    ...more,
  };
  const when = [{ event: ['push', 'pull_request'] }];
  return `${JSON.stringify({ when, ...above, steps: [step] })}\n`;
}

/** How a script says what came of one way: `said NAME held|open WHAT`. */
const prelude = `said() { printf 'drill:%s:%s:%s\\n' "$1" "$2" "$3"; }
# try NAME COMMAND…: it is held when the command fails.
try() { n=$1; shift; if o=$("$@" 2>&1); then said "$n" open "\${o:0:120}"; else said "$n" held refused; fi; }
`;

/**
 * Executes a script in a step of a pushed branch and reads what it said of every way that it tried. A way that said nothing
 * was not tried, and does not hold.
 */
export async function tryInside(
  target: DrillTarget,
  ways: readonly string[],
  script: string,
  step: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly ways: Way[]; readonly run: RunSeen; readonly log: string }> {
  const commit = await push(target, {
    files: {
      '.woodpecker.yaml': pipelineOf(step),
      'attack.sh': `${prelude}${script}\n`,
    },
  });
  const run = await runOf(target, commit);
  const log = await logOf(target, run, 'attack');
  const said = new Map(
    [...log.matchAll(/^drill:([^:\n]+):(held|open):(.*)$/gm)].map(
      ([, name = '', how, what = '']) => [name, { held: how === 'held', answer: what }],
    ),
  );
  return {
    ...{ run, log },
    ways: ways.map((way) => ({
      way,
      ...(said.get(way) ?? { held: false, answer: `not tried: ${reasonsOf(run) || run.state}` }),
    })),
  };
}
