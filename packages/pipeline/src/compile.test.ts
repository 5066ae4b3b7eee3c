import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlanWorkflow, RunPlan } from '@airlock/common/wire/run-plan';
import { RunPlan as RunPlanSchema } from '@airlock/common/wire/run-plan';
import { occasionOf } from './occasion.ts';
import { planMain, planRun } from './run-plan.ts';

type Files = Readonly<Record<string, string>>;

const filesOf = (texts: Files, release: string | null = null) => ({
  pipelines: Object.entries(texts).map(([name, text]) => ({
    path: `.woodpecker/${name}.yaml`,
    text,
  })),
  release,
});

function planOf(texts: Files, release: string | null = null): RunPlan {
  const planned = planMain(filesOf(texts, release));
  if (planned.kind !== 'run') assert.fail(JSON.stringify(planned));
  return RunPlanSchema.parse(planned.plan);
}

function only(text: string): PlanWorkflow {
  const [workflow] = planOf({ build: text }).workflows;
  return workflow ?? assert.fail('no workflow');
}

function refusal(texts: Files, release: string | null = null): string {
  const planned = planMain(filesOf(texts, release));
  return planned.kind === 'refused' ? planned.reason : assert.fail(planned.kind);
}

const order = (workflow: PlanWorkflow): string[] =>
  workflow.steps.map(({ name, dependsOn }) => `${name}<${dependsOn.join('+')}`);

const step = (name: string, more = ''): string =>
  `  - { name: ${name}, image: i, commands: [c]${more} }\n`;
const small = `steps:\n${step('a')}`;

test('without depends_on steps follow each other, and one group runs side by side', () => {
  assert.deepEqual(order(only(`steps:\n${step('a')}${step('b')}${step('c')}`)), [
    'a<',
    'b<a',
    'c<b',
  ]);
  const grouped = `steps:\n${step('a')}${step('b', ', group: g')}${step('c', ', group: g')}${step('d')}`;
  assert.deepEqual(order(only(grouped)), ['a<', 'b<a', 'c<a', 'd<b+c']);
});

test('one depends_on, also an empty one, makes every other step start at once', () => {
  const text = `steps:\n${step('a')}${step('b')}${step('c', ', depends_on: [a, b]')}`;
  assert.deepEqual(order(only(text)), ['a<', 'b<', 'c<a+b']);
  assert.deepEqual(order(only(`steps:\n${step('a')}${step('b', ', depends_on: []')}`)), [
    'a<',
    'b<',
  ]);
});

test('an optional dependency on a step that does not run here is left out, another is refused with its place', () => {
  const text = (optional: string): string =>
    `steps:\n${step('a', ', when: { event: tag }')}${step('b', `, depends_on: [{ name: a, optional: ${optional} }]`)}`;
  assert.deepEqual(order(only(text('true'))), ['b<']);
  assert.match(
    refusal({ build: text('false') }),
    /build\.yaml:3:\d+: steps: b waits for a, whose `when` leaves it out/,
  );
});

test('circles and unknown names are refused, of steps and of workflows', () => {
  const circle = `steps:\n${step('a', ', depends_on: b')}${step('b', ', depends_on: a')}`;
  assert.match(refusal({ build: circle }), /wait for each other: a → b → a/);
  assert.match(
    refusal({ build: `steps:\n${step('a', ', depends_on: x')}` }),
    /no step is named x; there are a/,
  );
  assert.match(
    refusal({ one: `depends_on: two\n${small}` }),
    /one\.yaml:1:13: .*no workflow is named two/,
  );
  assert.match(
    refusal({ one: `depends_on: two\n${small}`, two: `depends_on: one\n${small}` }),
    /workflows wait for each other/,
  );
});

test('a workflow goes with the one that it waits for, unless that one is optional', () => {
  const texts = (optional: boolean): Files => ({
    build: `when: { event: tag }\n${small}`,
    deploy: `depends_on: [{ name: build, optional: ${optional} }]\n${small}`,
    last: `depends_on: deploy\n${small}`,
  });
  const planned = planMain(filesOf(texts(false)));
  assert.equal(planned.kind, 'nothing');
  assert.deepEqual(
    planOf(texts(true)).workflows.map(({ name, dependsOn }) => [name, dependsOn.length]),
    [
      ['deploy', 0],
      ['last', 1],
    ],
  );
});

test('a matrix is a workflow for each combination, in the file’s order, its values put into images and labels', () => {
  const text = `matrix:\n  GO: [1.24, "1.25"]\n  OS: [linux, bsd]\nlabels: { os: "\${OS}" }\nsteps:\n  - { name: "t \${GO}", image: "golang:\${GO}", commands: [c] }\n`;
  const { workflows } = planOf({ build: text });
  assert.deepEqual(
    workflows.map(({ instance, matrix, labels, steps }) => [
      instance,
      matrix['GO'],
      labels['os'],
      steps[0]?.image,
      steps[0]?.name,
    ]),
    [
      [1, '1.24', 'linux', 'golang:1.24', 't-1.24'],
      [2, '1.24', 'bsd', 'golang:1.24', 't-1.24'],
      [3, '1.25', 'linux', 'golang:1.25', 't-1.25'],
      [4, '1.25', 'bsd', 'golang:1.25', 't-1.25'],
    ],
  );
  const included = planOf({
    build: `matrix:\n  include:\n    - { A: 1 }\n    - { A: 2, B: x }\n${small}`,
  });
  assert.deepEqual(
    included.workflows.map(({ matrix }) => matrix),
    [{ A: '1' }, { A: '2', B: 'x' }],
  );
  const many = `matrix: { A: [${Array.from({ length: 65 }, (_, n) => n).join(', ')}] }\n${small}`;
  assert.match(refusal({ build: many }), /more than 64 combinations/);
});

test('settings become PLUGIN_ variables as Woodpecker makes them, secrets by name only', () => {
  const [plugin] = only(`steps:
  - name: publish
    image: plugin
    settings:
      dry-run: true
      tags: [latest, 1.10]
      token: { from_secret: forge_token }
      logins: [{ registry: r, password: { from_secret: pass } }]
      build.args: { b: 2, a: x }
`).steps;
  assert.equal(plugin?.kind, 'plugin');
  assert.deepEqual(plugin.environment, {
    PLUGIN_DRY_RUN: 'true',
    PLUGIN_TAGS: 'latest,1.10',
    PLUGIN_TOKEN: { secret: 'forge_token' },
    PLUGIN_LOGINS: { json: '[{"password":{"from_secret":"pass"},"registry":"r"}]' },
    PLUGIN_BUILD_ARGS: { json: '{"a":"x","b":2}' },
  });
});

test('a plugin with variables of its own is no plugin any more', () => {
  const [one] = only(
    'steps:\n  - { name: a, image: p, settings: { x: y }, environment: { LD_PRELOAD: z } }\n',
  ).steps;
  assert.equal(one?.kind, 'commands');
});

test('old files are followed, each old word with a warning', () => {
  const planned = planMain(
    filesOf({
      build: `pipeline:\n  a b:\n    image: i\n    commands: c\n    secrets: [docker_password, { source: x, target: y }]\nbranches: main\nplatform: linux/arm64\n`,
    }),
  );
  assert.ok(planned.kind === 'run');
  const [workflow] = planned.plan.workflows;
  assert.deepEqual(workflow?.steps[0]?.environment, {
    DOCKER_PASSWORD: { secret: 'docker_password' },
    Y: { secret: 'x' },
  });
  assert.deepEqual(workflow.labels, { platform: 'linux/arm64' });
  for (const word of [
    '`pipeline` is of older',
    '`branches` is of older',
    '`platform` is of older',
    'DOCKER_PASSWORD: { from_secret',
    '`a b` is shown as a-b',
  ]) {
    assert.ok(
      planned.warnings.some((line) => line.includes(word)),
      word,
    );
  }
});

test('main is compiled from its files alone: every path holds, and the repository is not known', () => {
  const text = `steps:\n${step('a', ', when: { path: docs/** }')}${step('b', ', when: { repo: shop/web }')}`;
  assert.deepEqual(order(only(text)), ['a<']);
  const asked = planRun(
    filesOf({ build: text }),
    occasionOf({ event: 'push', branch: 'topic', repository: 'shop/web', changedFiles: ['src/x'] }),
  );
  assert.deepEqual(asked.kind === 'run' ? order(asked.plan.workflows[0] ?? assert.fail()) : [], [
    'b<',
  ]);
});

test('services, clone, workspace, concurrency and limits are carried as they stand', () => {
  const workflow =
    only(`clone: { git: { image: woodpeckerci/plugin-git, settings: { depth: 5, tags: true } } }
workspace: { path: src/web }
concurrency: { limit: 2, group: "deploy-\${CI_COMMIT_BRANCH}" }
services: { db: { image: "postgres:17", ports: [5432, "53/udp"], environment: { A: 1 } } }
steps:
  - { name: a, image: i, commands: [c], failure: ignore, detach: true, directory: ./web/, backend_options: { airlock: { cpu: 500m, memory: 2Gi, timeout: 10m } } }
`);
  assert.deepEqual(workflow.clone, {
    depth: 5,
    recursive: false,
    lfs: false,
    tags: true,
    partial: false,
  });
  assert.equal(workflow.path, 'src/web');
  assert.deepEqual(workflow.concurrency, { limit: 2, group: 'deploy-${CI_COMMIT_BRANCH}' });
  assert.deepEqual(workflow.services[0]?.ports, [5432, 53]);
  const [one] = workflow.steps;
  assert.deepEqual(one?.limits, { cpus: 0.5, memoryBytes: 2 * 1024 ** 3, timeoutSeconds: 600 });
  assert.deepEqual([one.failure, one.detach, one.directory], ['ignore', true, 'web']);
});

test('what a step keeps is in the plan; a path out of the workspace, the workspace itself and .git are refused', () => {
  const stepWith = (cache: string): string =>
    `steps: [{ name: a, image: i, commands: [c], backend_options: { airlock: { cache: ${cache} } } }]\n`;
  const one = only(stepWith('{ path: ./deps/, key: "npm-${CI_COMMIT_BRANCH}", keyFiles: lock }'));
  assert.deepEqual(one.steps[0]?.caches, [
    { path: 'deps', key: 'npm-${CI_COMMIT_BRANCH}', files: ['lock'] },
  ]);
  for (const path of ['../deps', '/deps', '.', '.git', '.git/objects']) {
    const said = refusal({ build: stepWith(`{ path: ${path}, key: a }`) });
    assert.match(said, /expected `path`: a directory inside the workspace/, path);
  }
});

test('what a step hands on is in the plan; a path out of the workspace and a step that nobody waits for are refused', () => {
  const stepWith = (outputs: string, rest = ''): string =>
    `steps: [{ name: a, image: i, commands: [c], ${rest}backend_options: { airlock: { outputs: ${outputs} } } }]\n`;
  assert.equal(only(stepWith('dist/build.env')).steps[0]?.outputs, 'dist/build.env');
  assert.ok(!('outputs' in (only(small).steps[0] ?? {})));
  for (const path of ['../build.env', '/build.env', '""', '[a, b]']) {
    const said = refusal({ build: stepWith(path) });
    assert.match(said, /outputs: expected a/, path);
  }
  assert.match(
    refusal({ build: stepWith('build.env', 'detach: true, ') }),
    /a step with `detach` is not waited for, so that its `outputs` reach nobody/,
  );
});

const release = (workflow: string, requires = '[]'): string =>
  `version: 1\nartifacts: { web: { ${workflow}path: dist/a.tgz } }\nreleases: { web: { artifacts: [web], requires: ${requires} } }\n`;

test('the release names the workflow that makes the artifact and those that must pass', () => {
  const files = { build: small, test: small };
  const plan = planOf(files, release('workflow: build, ', '[test]'));
  assert.equal(plan.artifact?.workflow, 'build');
  assert.deepEqual(plan.release?.requires, ['test']);
  assert.match(refusal(files, release('')), /say which workflow makes it: build, test/);
  assert.match(refusal(files, release('workflow: x, ')), /no workflow is named x/);
  assert.match(
    refusal(files, release('workflow: build, ', '[lint]')),
    /release\.yaml:3:\d+: releases\.web\.requires: no workflow is named lint/,
  );
  assert.match(refusal({ build: `matrix: { A: [1] }\n${small}` }, release('')), /has a matrix/);
  const tagged = planOf(
    { build: `when: { event: tag }\n${small}`, test: small },
    release('workflow: build, '),
  );
  assert.equal(tagged.artifact, null);
});

test('two files of one workflow, and files that are too much together, are refused', () => {
  const twice = planMain({
    pipelines: [
      { path: '.woodpecker/a.yaml', text: small },
      { path: '.woodpecker/a.yml', text: small },
    ],
    release: null,
  });
  assert.match(
    twice.kind === 'refused' ? twice.reason : '',
    /another file is the workflow a already/,
  );
  const long = `${small}# ${'x'.repeat(60_000)}\n`;
  assert.match(
    refusal({ a: long, b: long, c: long, d: long, e: long }),
    /bytes together; at most 262144/,
  );
});
