/** Builds that do what builds do not, and whether a person gets to know of it before they are released. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { signedIn } from '../signed-in.ts';
import { sessionWithToken } from '../web-session.ts';
import { logOf, push, reasonsOf, runOf } from './build-door.ts';
import { all, mayNot, type Drill, type Way } from './drill.ts';

const execute = promisify(execFile);

const Pipeline = z.looseObject({ steps: z.array(z.looseObject({ image: z.string() })).min(1) });
const Flagged = z.looseObject({
  mark: z.string().nullable(),
  candidate: z.looseObject({ id: z.string() }).nullable(),
  flags: z.array(z.looseObject({ kind: z.string(), rule: z.string(), text: z.string() })),
});
const Made = z.object({ id: z.string(), token: z.string() });

const pipelineFile = '.woodpecker.yaml';
/** As a miner's first lines are. */
const said = [
  '* POOL #1 stratum+tcp://pool.drill.example:3333 algo rx/0',
  'miner speed 10s/60s/15m 1203.1 1190.0 n/a H/s max 1210.4 H/s',
];

const minerPattern: Drill = {
  id: 'miner-pattern',
  controls: ['B27'],
  attacker: 'committer',
  attack:
    'builds main with a step that behaves like a miner, asks for it in production, and lets a program say that somebody looked',
  async run(target) {
    const { main, bareDirectory } = target.repository;
    const { stdout: genuine } = await execute('git', [
      ...['-C', bareDirectory, 'show', `refs/heads/${main}:${pipelineFile}`],
    ]);
    const pipeline = Pipeline.parse(parse(genuine, { maxAliasCount: 0 }));
    const miner = {
      ...{ name: 'drill-miner', image: pipeline.steps[0]?.image },
      commands: said.map((line) => `echo '${line}'`),
    };
    // JSON is YAML.
    const changed = `${JSON.stringify({ ...pipeline, steps: [miner, ...pipeline.steps] })}\n`;
    const toMain = (message: string, text: string): Promise<string> =>
      push(target, {
        ...{ ref: `refs/heads/${main}`, message, files: { [pipelineFile]: text } },
        ...{ author: 'Dana Okafor', email: 'dana@demo.airlock.example' },
      });
    const commit = await toMain('A drill: a step that behaves like a miner', changed);
    try {
      const run = await runOf(
        target,
        commit,
        (each) => each.state === 'failed' || Flagged.parse(each).candidate !== null,
      );
      const { mark, candidate, flags } = Flagged.parse(run);
      if (candidate === null) throw new Error(`main was not built: ${reasonsOf(run)}`);
      const flag = flags.find(({ kind, rule }) => kind === 'suspicious' && rule === 'miner');
      const dana = await signedIn(target.nonprod, 'dana');
      const ask = (way: string): Promise<Way> =>
        refusedFor(
          way,
          dana.postJson(`/api/v1/candidates/${candidate.id}/promotions`, {
            ...{ target: target.deliveryTarget, reason: 'a drill' },
          }),
        );
      const ways: Way[] = [
        {
          way: 'what is told of the run',
          held: flag !== undefined && mark === 'suspicious',
          answer: flag?.text ?? `${flags.length} flags, and none of a miner`,
        },
        await ask('asking for it'),
      ];
      const token = { name: 'drill miner', scopes: ['read', 'run'], days: 1, networks: [] };
      const { id, token: bearer } = Made.parse(await dana.postJson('/api/v1/tokens', token));
      try {
        const program = await sessionWithToken(target.nonprod, bearer);
        const looked = { reason: 'a program looked at it' };
        ways.push(
          await mayNot(
            'looking by a token',
            program.postJson(`/api/v1/runs/${run.id}/review`, looked),
          ),
        );
      } finally {
        await dana.postJson(`/api/v1/tokens/${id}/revoke`, {});
      }
      ways.push(await ask('asking for it once more'));
      return all(ways);
    } finally {
      await toMain('The drill is over', genuine);
    }
  },
};

/** It held when what was asked for was refused because nobody has looked at the build. */
async function refusedFor(way: string, asking: Promise<unknown>): Promise<Way> {
  try {
    await asking;
    return { way, held: false, answer: 'asked' };
  } catch (error) {
    const answer = error instanceof Error ? error.message : String(error);
    const held = / answered 409: .*suspicious \(miner\)/.test(answer);
    return { way, held, answer: answer.replace(/^.* answered /, '').slice(0, 90) };
  }
}

/** Each with how a stranger's script shows what it found, and a part of it that would stand in the log unmasked. */
const thefts: readonly (readonly [way: string, command: string, bait: string, plain: RegExp])[] = [
  ['the environment', 'env', 'cloud-key-id', /AKIA[A-Z2-7]{16}/],
  ['a file of the home', 'cat ~/.aws/credentials', 'cloud-key', /secret_access_key = [\w+/]{40}/],
  [
    'a file, encoded',
    'base64 ~/.docker/config.json',
    'registry-key',
    /cmVnaXN0cnkuaW50ZXJuYWwi.{40}/,
  ],
];

const baitTaken: Drill = {
  id: 'bait-taken',
  controls: ['V40'],
  attacker: 'stranger',
  attack:
    'looks in a pull request for credentials, and shows those that it finds in its log, as they are and encoded',
  async run(target) {
    const ways: Way[] = [];
    const build = async (script: string) => {
      const number = 100_000 + (randomBytes(3).readUIntBE(0, 3) % 800_000);
      const commit = await push(target, {
        ref: `refs/pull/${number}/head`,
        message: `A drill of ${number}`,
        files: { 'test.sh': `${script}\n` },
      });
      const run = await runOf(target, commit);
      return { run, found: Flagged.parse(run), log: await logOf(target, run, 'test') };
    };
    for (const [way, command, bait, plain] of thefts) {
      const { found, log } = await build(`${command}; echo shown`);
      const flag = found.flags.find(({ rule, text }) => rule === 'bait' && text.includes(bait));
      const isShown = plain.test(log) || !log.includes('shown');
      const held = flag?.kind === 'suspicious' && found.mark === 'suspicious' && !isShown;
      const said = flag?.text ?? `${found.flags.length} flags, and none of ${bait}`;
      ways.push({ way, held, answer: isShown ? `not masked: ${log.slice(-120)}` : said });
    }
    // Otherwise a pair that suspects every build of a stranger would look like one that saw this.
    const { run, found } = await build('git status --porcelain; test -n "$DEPLOY_REGISTRY_KEY"');
    const held = run.state === 'passed' && !found.flags.some(({ rule }) => rule === 'bait');
    ways.push({ way: 'a build that takes none', held, answer: `${run.state}, not suspected` });
    return all(ways);
  },
};

export const watchedBuildDrills: readonly Drill[] = [minerPattern, baitTaken];
