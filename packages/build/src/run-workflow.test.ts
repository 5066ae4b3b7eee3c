import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobService, JobStep } from '@airlock/common/wire/runner-protocol';
import { planStep } from '@airlock/common/testing/plans';
import { probeSandbox } from '@airlock/sandbox/probe';
import { noCaches } from './caches.ts';
import { noSecrets } from './environment.ts';
import { bubblewrapIsolation } from './isolation/bubblewrap.ts';
import { createCatalogue, hostCatalogue, type Catalogue } from './isolation/catalogue.ts';
import type { Isolation } from './isolation/isolation.ts';
import { noIsolation } from './isolation/none.ts';
import { runWorkflow, type WorkflowEnd, type WorkflowOptions } from './run-workflow.ts';
import { createWorkspace } from './workspace.ts';

const probe = await probeSandbox();
const missing = probe.available ? null : `${probe.reason}; ${probe.remedy}`;
if (missing !== null && process.env['CI'] === 'true') assert.fail(missing);

const parent = join(process.cwd(), '.test');
let root: string;
before(() => {
  mkdirSync(parent, { recursive: true });
  root = mkdtempSync(join(parent, 'workflow-'));
});
after(() => {
  rmSync(root, { recursive: true });
});

const step = (name: string, commands: string[], rest: Partial<JobStep> = {}): JobStep =>
  planStep(name, { image: 'bash', commands, ...rest });

function service(name: string, commands: string[], rest: Partial<JobService> = {}): JobService {
  return {
    ...{ name, image: 'bash', environment: {}, ports: [], entrypoint: null, commands },
    failure: 'fail',
    ...rest,
  };
}

type Ran = WorkflowEnd & { logs: Record<string, string>; states: Record<string, string> };

async function run(
  isolation: Isolation,
  steps: JobStep[],
  options: Partial<WorkflowOptions> = {},
): Promise<Ran> {
  const workspace = await createWorkspace(root);
  const logs: Record<string, string> = {};
  try {
    const end = await runWorkflow({
      ...{ isolation, workspace, steps, services: [], directory: '.', environment: {} },
      secretsOf: noSecrets,
      caches: noCaches,
      timeoutSeconds: 30,
      now: () => new Date(),
      signal: new AbortController().signal,
      cancelled: new AbortController().signal,
      onOutput: (name, chunk) => {
        logs[name] = `${logs[name] ?? ''}${chunk.toString()}`;
      },
      ...options,
    });
    const states = Object.fromEntries(end.reports.map(({ name, outcome }) => [name, outcome]));
    return { ...end, logs, states };
  } finally {
    await workspace.destroy();
  }
}

const withTool: Catalogue = createCatalogue([
  ...hostCatalogue.images.map((image) => ({ ...image, listedAs: 'bash' })),
  {
    ...{ listedAs: 'tools/greet', root: { kind: 'host' }, plugin: true },
    entrypoint: ['/bin/sh', '-c', 'echo "hello $PLUGIN_NAME from $(basename "$(pwd)")"'],
  },
]);

const modes: [string, (catalogue?: Catalogue) => Isolation, string | null][] = [
  [
    'bubblewrap',
    (catalogue = hostCatalogue) => bubblewrapIsolation({ nodeBinary: null, catalogue }),
    missing,
  ],
  ['none', (catalogue = hostCatalogue) => noIsolation(null, catalogue), null],
];

for (const [mode, isolationWith, absent] of modes) {
  const isolation = isolationWith();
  describe(
    `a workflow (${mode})`,
    { skip: absent === null ? false : `NOT TESTED: ${absent}` },
    () => {
      test('runs steps that wait for nothing at the same time, and one that waits after them', async () => {
        // Each waits for the other's file: one after the other they would never end.
        const meet = (mine: string, other: string): string[] => [
          `touch ${mine}; until [ -e ${other} ]; do sleep 0.02; done`,
        ];
        const { outcome, states } = await run(isolation, [
          step('a', meet('a', 'b')),
          step('b', meet('b', 'a')),
          step('c', ['test -e a && test -e b'], { dependsOn: ['a', 'b'] }),
        ]);
        assert.deepEqual([outcome, states], ['passed', { a: 'passed', b: 'passed', c: 'passed' }]);
      });

      test('what a step writes as its outputs is given to those behind it, and what it prints is not', async () => {
        const { outcome, logs } = await run(isolation, [
          step('version', ['echo VERSION=1.4.0 > build.env', 'echo ::set-output name=A::b'], {
            outputs: 'build.env',
          }),
          step('beside', ['echo "beside <${OUTPUT_VERSION-}>"'], { dependsOn: [] }),
          step('use', ['echo "use <$OUTPUT_VERSION> <${OUTPUT_A-}>"'], { dependsOn: ['version'] }),
          step('own', ['echo "own <$OUTPUT_VERSION>"'], {
            dependsOn: ['use'],
            environment: { OUTPUT_VERSION: 'its own' },
          }),
        ]);
        assert.equal(outcome, 'passed');
        assert.match(logs['use'] ?? '', /^use <1\.4\.0> <>$/m);
        assert.match(logs['beside'] ?? '', /^beside <>$/m);
        assert.match(logs['own'] ?? '', /^own <its own>$/m);
      });

      test('a step whose outputs are not there, are a link or cannot be read has failed, and says where', async () => {
        for (const [commands, why] of [
          [['true'], /^step a: outputs: build\.env is not there, or is no regular file$/],
          [['ln -s /etc/hostname build.env'], /^step a: outputs: build\.env is not there/],
          [['echo nonsense > build.env'], /^step a: outputs: build\.env:1: expected NAME=value/],
          [
            ['head -c 70000 /dev/zero > build.env'],
            /build\.env was not kept: it has more than 65536 bytes/,
          ],
        ] as const) {
          const { outcome, reason, states } = await run(isolation, [
            step('a', [...commands], { outputs: 'build.env' }),
            step('b', ['true'], { dependsOn: ['a'] }),
          ]);
          assert.deepEqual([outcome, states], ['failed', { a: 'failed', b: 'skipped' }]);
          assert.match(reason ?? '', why);
        }
      });

      test('a failure skips what comes after it, runs what is for failure, and is said in the log and as the reason', async () => {
        const { outcome, reason, states, logs } = await run(isolation, [
          step('test', ['exit 2']),
          step('publish', ['true'], { dependsOn: ['test'] }),
          step('tell', ['echo "it was a $CI_PIPELINE_STATUS"'], {
            dependsOn: ['publish'],
            runsOn: ['failure'],
          }),
          step('other', ['true']),
        ]);
        assert.equal(outcome, 'failed');
        assert.equal(reason, 'step test failed with exit code 2');
        assert.match(logs['test'] ?? '', /\+ exit 2\nstep test failed with exit code 2\n$/);
        assert.match(logs['tell'] ?? '', /\nit was a failure\n$/);
        assert.deepEqual(states, {
          ...{ test: 'failed', publish: 'skipped', tell: 'passed', other: 'passed' },
        });
      });

      test('a failure that is to be ignored is reported, and changes nothing else', async () => {
        const { outcome, reason, states } = await run(isolation, [
          step('lint', ['exit 1'], { failure: 'ignore' }),
          step('build', ['true'], { dependsOn: ['lint'] }),
        ]);
        assert.deepEqual([outcome, reason], ['passed', null]);
        assert.deepEqual(states, { lint: 'failed', build: 'passed' });
      });

      test('a failure that cancels ends what runs beside it and starts nothing more', async () => {
        const { outcome, reason, states } = await run(isolation, [
          step('check', ['exit 1'], { failure: 'cancel' }),
          step('long', ['sleep 60']),
          step('tell', ['true'], { dependsOn: ['check'], runsOn: ['failure'] }),
        ]);
        assert.deepEqual([outcome, reason], ['failed', 'step check failed with exit code 1']);
        assert.deepEqual(states, { check: 'failed', long: 'cancelled', tell: 'skipped' });
      });

      test('somebody who cancels it ends what runs, and it is reported as cancelled', async () => {
        const cancelled = new AbortController();
        const ran = run(
          isolation,
          [step('long', ['sleep 60']), step('next', [], { dependsOn: ['long'] })],
          {
            cancelled: cancelled.signal,
            onOutput: (_, chunk) => {
              if (chunk.toString().includes('sleep 60')) cancelled.abort();
            },
          },
        );
        const { outcome, reason, states } = await ran;
        assert.deepEqual([outcome, reason], ['cancelled', null]);
        assert.deepEqual(states, { long: 'cancelled', next: 'skipped' });
      });

      test('a step has its own time, and all together theirs', async () => {
        const limits = { cpus: null, memoryBytes: null, timeoutSeconds: 1 };
        const own = await run(isolation, [step('slow', ['sleep 60'], { limits })]);
        assert.equal(own.reason, 'step slow was ended: it may take 1 s');
        assert.deepEqual(own.states, { slow: 'timed-out' });
        const all = await run(
          isolation,
          [
            step('slow', ['sleep 60']),
            step('tell', ['true'], { dependsOn: ['slow'], runsOn: ['failure'] }),
          ],
          { timeoutSeconds: 0.5 },
        );
        assert.equal(all.reason, 'step slow was ended: all steps together may take 0.5 s');
        assert.deepEqual(all.states, { slow: 'timed-out', tell: 'skipped' });
      });

      test('a service runs from before the first step, which waits for its port, until after the last', async () => {
        const port = mode === 'none' ? 20_000 + (process.pid % 10_000) : 5432;
        const host = mode === 'none' ? '127.0.0.1' : 'db';
        const { outcome, reason, states, reports, logs } = await run(
          isolation,
          [
            step('ask', [
              `perl -MIO::Socket::INET -e 'my $c = IO::Socket::INET->new("${host}:${port}") or die "$!\\n"; print <$c>'`,
            ]),
          ],
          {
            services: [
              service(
                'db',
                [
                  `sleep 0.3; exec perl -MIO::Socket::INET -e '$| = 1; my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1", LocalPort => ${port}, ReuseAddr => 1) or die $!; while (my $c = $s->accept) { print $c "rows\\n"; close $c }'`,
                ],
                { ports: [port] },
              ),
            ],
          },
        );
        assert.deepEqual([outcome, reason], ['passed', null], JSON.stringify(logs));
        assert.match(logs['ask'] ?? '', /\nrows\n$/);
        assert.match(
          logs['db'] ?? '',
          new RegExp(`service db: listens at ${port} after 0\\.\\d s`),
        );
        assert.deepEqual(states, { ask: 'passed', db: 'passed' });
        assert.deepEqual(
          reports.map(({ kind }) => kind),
          ['step', 'service'],
        );
      });

      test('a service that fails by itself fails the workflow, unless that is to be ignored', async () => {
        const steps = [step('work', ['sleep 0.5'])];
        const counted = await run(isolation, steps, { services: [service('db', ['exit 3'])] });
        assert.equal(counted.outcome, 'failed');
        assert.equal(counted.reason, 'service db failed with exit code 3');
        assert.deepEqual(counted.states, { work: 'passed', db: 'failed' });
        const ignored = await run(isolation, steps, {
          services: [service('db', ['exit 3'], { failure: 'ignore' })],
        });
        assert.deepEqual([ignored.outcome, ignored.states['db']], ['passed', 'failed']);
      });

      test('a step that nobody waits for runs beside the others and ends with them', async () => {
        const { outcome, states } = await run(isolation, [
          step('server', ['touch up; sleep 60'], { detach: true }),
          step('client', ['until [ -e up ]; do sleep 0.02; done'], { dependsOn: ['server'] }),
        ]);
        assert.deepEqual([outcome, states], ['passed', { server: 'passed', client: 'passed' }]);
      });

      test('a plugin runs the program of its image with its settings, and only where the pool has it as a plugin', async () => {
        const plugin = { kind: 'plugin', environment: { PLUGIN_NAME: 'Dana' } } as const;
        const pool = isolationWith(withTool);
        const { outcome, logs } = await run(pool, [
          step('prepare', ['mkdir web']),
          step('greet', [], {
            ...{ ...plugin, image: 'tools/greet', directory: 'web', dependsOn: ['prepare'] },
          }),
        ]);
        assert.equal(outcome, 'passed');
        assert.match(logs['greet'] ?? '', /\nhello Dana from web\n$/);
        const refused = await run(pool, [step('greet', [], { ...plugin, image: 'bash' })]);
        assert.match(
          refused.reason ?? '',
          /^step greet: bash is to run as a plugin .*has no plugin of that name/,
        );
      });

      test('an entrypoint finds the commands in CI_SCRIPT, a directory is where they start, and a long script is run whole', async () => {
        const long = `: ${'x'.repeat(90_000)}`;
        const { outcome, reason, logs } = await run(isolation, [
          step('own', ['echo from $0'], {
            entrypoint: ['/bin/sh', '-c', 'echo "$CI_SCRIPT" | base64 -d | sh -e'],
          }),
          step('web', ['mkdir -p "a b"', 'cd "a b"']),
          step('in', ['basename "$(pwd)"'], { directory: 'a b', dependsOn: ['web'] }),
          step('long', [long, 'echo the end']),
        ]);
        assert.deepEqual([outcome, reason], ['passed', null]);
        assert.match(logs['own'] ?? '', /\+ echo from \$0\nfrom sh\n$/);
        assert.match(logs['in'] ?? '', /\na b\n$/);
        assert.match(logs['long'] ?? '', /\nthe end\n$/);
      });

      test('a step whose directory is not there or leads out, or that has nothing to run, says so', async () => {
        const reasonOf = async (one: JobStep): Promise<string> => {
          const { reason, logs } = await run(isolation, [one]);
          return `${reason ?? ''}\n${logs[one.name] ?? ''}`;
        };
        assert.match(await reasonOf(step('a', ['true'], { directory: 'absent' })), /absent/);
        assert.match(
          await reasonOf(step('a', ['true'], { directory: '../..' })),
          /^step a: directory \.\.\/\.\. leads out of the workspace/,
        );
        assert.match(
          await reasonOf(step('a', [])),
          /^step a: nothing says what runs in image bash/,
        );
      });

      test('a secret reaches the one step that names it, and a step that may not have it never starts', async () => {
        const asked: [string, readonly string[]][] = [];
        const environment = { TOKEN: { secret: 'deploy-token' } };
        const { outcome, states, reason, logs } = await run(
          isolation,
          [
            step('with', ['echo "${TOKEN}" | rev'], { environment }),
            step('without', ['echo "<$TOKEN>"']),
            step('forbidden', ['echo started'], {
              environment: { KEY: { secret: 'other' } },
              dependsOn: ['with', 'without'],
            }),
          ],
          {
            secretsOf: async (name, names) => {
              await sleep(1);
              asked.push([name, names]);
              return names.includes('other')
                ? { ok: false, reason: 'other is for pushes to main only' }
                : { ok: true, values: new Map([['deploy-token', 'abc']]) };
            },
          },
        );
        assert.match(logs['with'] ?? '', /\ncba\n$/);
        assert.match(logs['without'] ?? '', /\n<>\n$/);
        assert.deepEqual(asked, [
          ['with', ['deploy-token']],
          ['forbidden', ['other']],
        ]);
        assert.deepEqual([outcome, states['forbidden']], ['failed', 'failed']);
        assert.equal(reason, 'step forbidden: other is for pushes to main only');
        assert.ok(!(logs['forbidden'] ?? '').includes('started'));
      });

      test('leaves nothing running when its log cannot be taken', async () => {
        const failure = new Error('the log is gone');
        const started = performance.now();
        const ran = run(isolation, [step('loud', ['echo now']), step('long', ['sleep 60'])], {
          services: [service('db', ['sleep 60'])],
          onOutput: (_, chunk) => {
            if (chunk.toString().includes('now')) throw failure;
          },
        });
        await assert.rejects(ran, (error) => error === failure);
        assert.ok(performance.now() - started < 10_000);
      });
    },
  );
}
