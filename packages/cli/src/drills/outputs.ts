/** What a step prints or hands on, and what later steps make of it (as in CVE-2020-15228). */
import { randomBytes } from 'node:crypto';
import { logOf, push, reasonsOf, runOf } from './build-door.ts';
import { all, type Drill } from './drill.ts';

/** How CI services have let a build speak to them through its log. */
const spoken = (value: string): readonly string[] => [
  `::set-output name=VERSION::${value}`,
  `::set-env name=VERSION::${value}`,
  `##vso[task.setvariable variable=VERSION]${value}`,
  `##teamcity[setParameter name='env.VERSION' value='${value}']`,
  `vespene/set VERSION ${value}`,
  `VERSION=${value}`,
];

const logCommand: Drill = {
  id: 'log-command',
  controls: ['VR5'],
  attacker: 'committer',
  attack:
    'prints what other CI services take for a command, and hands on a variable that every loader reads',
  async run(target) {
    const mark = `planted-${randomBytes(8).toString('hex')}`;
    const step = (name: string, commands: readonly string[]) => ({
      ...{ name, image: 'shop-builder', commands },
    });
    const pipeline = {
      when: [{ event: 'push' }],
      steps: [
        {
          ...step('attack', ['cat said.txt', 'cp said.env handed.env']),
          backend_options: { airlock: { outputs: 'handed.env' } },
        },
        step('after', ['env | sort']),
      ],
    };
    const commit = await push(target, {
      files: {
        '.woodpecker.yaml': `${JSON.stringify(pipeline)}\n`,
        'said.txt': spoken(mark).join('\n'),
        'said.env': `LD_PRELOAD=/build/${mark}.so\nBASH_ENV=/build/${mark}.sh\nGOOD=handed-on\n`,
      },
    });
    const run = await runOf(target, commit);
    const seen = (await logOf(target, run, 'after')).split('\n');
    const said = await logOf(target, run, 'attack');
    const planted = seen.filter((line) => line.includes(mark) && !line.startsWith('OUTPUT_'));
    return all([
      {
        // Otherwise nothing was said, or nothing that is handed on arrives.
        way: 'what is handed on',
        held:
          said.includes(`::set-output name=VERSION::${mark}`) &&
          seen.includes('OUTPUT_GOOD=handed-on'),
        answer: `is $OUTPUT_GOOD in the next step ${reasonsOf(run)}`.trim(),
      },
      {
        way: 'commands in the log, and LD_PRELOAD',
        held: planted.length === 0,
        answer: planted.length === 0 ? 'set nothing' : `set ${planted.join('; ')}`.slice(0, 200),
      },
    ]);
  },
};

export const outputDrills: readonly Drill[] = [logCommand];
