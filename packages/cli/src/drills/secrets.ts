/** What a build tries with a secret that it was given, and what a stranger tries to be given one. */
import { createHash, randomBytes } from 'node:crypto';
import { signedIn } from '../signed-in.ts';
import { all, type Drill, type Way } from './drill.ts';
import { logOf, pipelineOf, push, reasonsOf, runOf, tryInside } from './build-door.ts';
import type { DrillTarget } from './target.ts';

const secretName = 'DRILL_CANARY';

/** A new secret that any build may read whose author is no stranger; what is in it differs in every encoding. */
export async function plant(target: DrillTarget): Promise<string> {
  const value = `dr"l/+&=${randomBytes(18).toString('hex')}`;
  const oke = await signedIn(target.nonprod, 'oke');
  await oke.postJson('/api/v1/secrets', {
    ...{ name: secretName, value, description: 'of airlock drill', lowValue: true },
    filters: { events: ['push', 'pull_request'], protectedOnly: false, leastTrust: 0 },
  });
  return value;
}

const withSecret = { environment: { TOKEN: { from_secret: secretName } } };

/** Each with how a shell makes it, and a part of it that stands in the log unless it was masked. */
export const forms: readonly {
  name: string;
  shell: string;
  readonly of: (value: string) => string;
}[] = [
  { name: 'raw', shell: 'cat', of: (value) => value },
  { name: 'base64', shell: 'base64 -w0', of: (value) => base64(value) },
  {
    name: 'base64url',
    shell: 'base64 -w0 | tr +/ -_',
    of: (value) => base64(value).replaceAll('+', '-').replaceAll('/', '_'),
  },
  {
    name: 'base64 shifted',
    shell: '(printf x; cat) | base64 -w0',
    of: (value) => base64(`x${value}`),
  },
  {
    name: 'hex',
    shell: "od -An -tx1 -v | tr -d ' \\n'",
    of: (value) => Buffer.from(value).toString('hex').slice(0, 32),
  },
  {
    name: 'HEX',
    shell: "od -An -tx1 -v | tr -d ' \\n' | tr a-f A-F",
    of: (value) => Buffer.from(value).toString('hex').toUpperCase().slice(0, 32),
  },
  {
    name: 'url',
    shell: `perl -pe 's/([^A-Za-z0-9_.~-])/sprintf("%%%02X", ord $1)/ge'`,
    of: (value) => encodeURIComponent(value),
  },
  {
    name: 'json',
    shell: `perl -pe 's/(["\\\\])/\\\\$1/g'`,
    of: (value) => JSON.stringify(value).slice(1, -1),
  },
];

/** Of the middle: what is before and after it shares its last characters with it. */
const base64 = (text: string): string => Buffer.from(text).toString('base64').slice(4, 36);

const placements: readonly string[] = [
  `printf '%s\\n' "$x"`,
  `printf 'token=[%s] end\\n' "$x"`,
  `printf '%s' "\${x:0:7}"; sleep 0.2; printf '%s\\n' "\${x:7}"`,
  `printf '\\033[31m%s\\033[0m\\n' "$x"`,
  `printf 'at 10%%\\r%s\\n' "$x"`,
];

const logLeak: Drill = {
  id: 'log-leak',
  controls: ['B49'],
  attacker: 'committer',
  attack:
    'prints a secret in 40 ways: eight encodings, each alone, within a line, in two pieces, coloured, and after a carriage return',
  async run(target) {
    const value = await plant(target);
    const { ways, log } = await tryInside(
      target,
      ['given'],
      [
        `printf 'digest %s\\n' "$(printf %s "$TOKEN" | sha256sum | cut -c1-64)"`,
        ...forms.flatMap(({ shell }) => [`x=$(printf %s "$TOKEN" | ${shell})`, ...placements]),
        "said given held 'everything is printed'",
      ].join('\n'),
      withSecret,
    );
    const digest = createHash('sha256').update(value).digest('hex');
    const had = log.includes(`digest ${digest}`);
    ways.push({ way: 'the step', held: had, answer: had ? 'had the secret' : 'had no secret' });
    for (const { name, of } of forms) {
      const held = !log.includes(of(value));
      ways.push({ way: name, held, answer: held ? 'masked in all five places' : 'readable' });
    }
    return all(ways);
  },
};

const forkSecrets: Drill = {
  id: 'fork-secrets',
  controls: [],
  attacker: 'stranger',
  attack:
    'names a secret in the pipeline file of a pull request, and prints the environment of a step that main’s file has',
  async run(target) {
    const value = await plant(target);
    const number = 100_000 + (randomBytes(3).readUIntBE(0, 3) % 800_000);
    const steps = [
      { name: 'attack', image: 'shop-builder', commands: ['echo "$TOKEN"'], ...withSecret },
    ];
    const commit = await push(target, {
      ref: `refs/pull/${number}/head`,
      files: {
        '.woodpecker.yaml': `${JSON.stringify({ when: [{ event: 'pull_request' }], steps })}\n`,
        'test.sh': 'echo looking; env; env | base64 -w0; exit 0\n',
      },
    });
    const run = await runOf(target, commit);
    const names = run.jobs.flatMap((job) => job.steps.map(({ name }) => name));
    const log = await logOf(target, run, 'test');
    const ways: Way[] = [
      {
        ...{ way: 'its own pipeline file', held: !names.includes('attack') && names.length > 0 },
        answer: `the steps are ${names.join(', ') || reasonsOf(run)}`,
      },
      {
        ...{ way: 'its script', held: log.includes('looking') && log.includes('CI_COMMIT_SHA') },
        answer: 'ran and saw its environment',
      },
      {
        way: 'the environment',
        held: !log.includes(value) && !log.includes('TOKEN='),
        answer: 'without the secret',
      },
    ];
    return all(ways);
  },
};

/** Each with how the secret gets into the file that the release file names. */
const leaks: readonly (readonly [way: string, command: string])[] = [
  ['as it is', `printf %s "$TOKEN" > dist/shop-api.tar.gz`],
  ['among other bytes', `(head -c 70000 /dev/zero; printf %s "$TOKEN") > dist/shop-api.tar.gz`],
  ['base64', `printf %s "$TOKEN" | base64 -w0 > dist/shop-api.tar.gz`],
  [
    'in a packed archive',
    `printf %s "$TOKEN" > t && tar -cf - products.json t | gzip -n > dist/shop-api.tar.gz`,
  ],
];

const artifactLeak: Drill = {
  id: 'artifact-leak',
  controls: ['V31'],
  attacker: 'committer',
  attack:
    'puts a secret of the build into the file that is kept of it, as it is, encoded and packed',
  async run(target) {
    await plant(target);
    const ways: Way[] = [];
    for (const [way, command] of leaks) {
      const commands = ['mkdir -p dist', command];
      const files = { '.woodpecker.yaml': pipelineOf({ commands, ...withSecret }) };
      const run = await runOf(target, await push(target, { files }));
      const said = reasonsOf(run);
      const held = run.state === 'failed' && said.includes(secretName);
      ways.push({ way, held, answer: `${run.state}: ${said.slice(0, 120)}` });
    }
    // Otherwise a branch that keeps nothing would look like one that was looked through.
    const commands = ['mkdir -p dist', 'echo clean > dist/shop-api.tar.gz'];
    const files = { '.woodpecker.yaml': pipelineOf({ commands, ...withSecret }) };
    const clean = await runOf(target, await push(target, { files }));
    ways.push({ way: 'without it', held: clean.state === 'passed', answer: clean.state });
    return all(ways);
  },
};

const payload = (mark: string): readonly string[] => [
  `$(touch\${IFS}${mark})`,
  `\`touch\${IFS}${mark}\``,
  `x";touch\${IFS}${mark};"`,
  `x';touch\${IFS}${mark};'`,
];

const namesToShell: Drill = {
  id: 'names-to-shell',
  controls: [],
  attacker: 'committer',
  attack: 'puts commands into the name of a branch, an author and a message',
  async run(target) {
    const ways: Way[] = [];
    for (const [index, name] of payload('poisoned').entries()) {
      const steps = [
        {
          ...{ name: 'attack', image: 'shop-builder' },
          commands: [
            'echo "${CI_COMMIT_BRANCH} ${CI_COMMIT_AUTHOR} ${CI_COMMIT_MESSAGE}"',
            'echo ${CI_COMMIT_BRANCH} ${CI_COMMIT_AUTHOR} ${CI_COMMIT_MESSAGE}',
            'test ! -e poisoned',
            'sh package.sh',
          ],
        },
      ];
      const ref = `refs/heads/drill-${randomBytes(4).toString('hex')}/${name}`;
      const files = { '.woodpecker.yaml': `${JSON.stringify({ steps })}\n` };
      const run = await runOf(
        target,
        await push(target, { ref, files, message: name, author: name }),
      );
      const held = run.state === 'passed' && (await logOf(target, run, 'attack')).includes('touch');
      const way = ['$( )', 'backticks', 'double quote', 'single quote'][index] ?? name;
      ways.push({
        way,
        held,
        answer: held ? 'said, and not run' : `${run.state} ${reasonsOf(run)}`,
      });
    }
    return all(ways);
  },
};

export const secretDrills: readonly Drill[] = [logLeak, artifactLeak, forkSecrets, namesToShell];
