import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holding } from './condition.ts';
import { occasionOf } from './occasion.ts';
import { parsePipelineFile } from './pipeline-file.ts';
import { formatFault } from './yaml-file.ts';

function faultsOf(text: string): string[] {
  const parsed = parsePipelineFile(text);
  if (parsed.ok) assert.fail('it was accepted');
  return parsed.faults.map((fault) => formatFault('.woodpecker.yaml', fault));
}

function stepsOf(text: string) {
  const parsed = parsePipelineFile(text);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value.steps;
}

test('steps are read from a list and from a map alike', () => {
  const list = stepsOf(`
steps:
  - name: build
    image: node:24
    commands: [npm ci, npm test]
    environment: { A: 1, B: two, C: true, VERSION: 1.10 }
`);
  const map = stepsOf(`
steps:
  build:
    image: node:24
    commands:
      - npm ci
      - npm test
    environment:
      A: 1
      B: two
      C: true
      VERSION: 1.10
`);
  const apart = (steps: typeof list): object[] => steps.map((step) => ({ ...step, place: null }));
  assert.deepEqual(apart(list), apart(map));
  assert.deepEqual(list[0]?.environment, { A: '1', B: 'two', C: 'true', VERSION: '1.10' });
});

test('anchors under variables and merged maps are expanded', () => {
  const [step] = stepsOf(`
variables:
  - &image node:24
  - &common
    image: *image
    environment: { MODE: ci }
steps:
  - <<: *common
    name: build
    commands: make
`);
  assert.equal(step?.image, 'node:24');
  assert.deepEqual(step.environment, { MODE: 'ci' });
  assert.deepEqual(step.commands, ['make']);
});

const refused: [name: string, text: string, expected: RegExp][] = [
  [
    'a key of Woodpecker that this does not do',
    'steps:\n  - name: a\n    image: b\n    privileged: true\n    commands: [c]\n',
    /^\.woodpecker\.yaml:4:5: steps\.0\.privileged: `privileged` is refused: nothing runs with privileges/,
  ],
  [
    'a misspelled key',
    'steps:\n  - name: a\n    image: b\n    comands: [c]\n',
    /:4:5: steps\.0\.comands: unknown key `comands`; did you mean `commands`\?/,
  ],
  [
    'an event that does not exist',
    'when: { event: pull-request }\nsteps:\n  - { name: a, image: b, commands: [c] }\n',
    /when\.event: no such event: pull-request/,
  ],
  ['no steps', 'when: { event: push }\n', /no `steps`/],
  ['an empty list of steps', 'steps: []\n', /at least one step is needed/],
  ['a step without an image', 'steps:\n  - { name: a, commands: [b] }\n', /has no `image`/],
  ['the same key twice', 'steps: []\nsteps: []\n', /:2:1: steps: the key stands here twice/],
  ['text that is no YAML', 'steps: [\n', /^\.woodpecker\.yaml:\d+:\d+: /],
  ['a list at the top', '- a\n', /expected keys and values here/],
];
for (const [name, text, expected] of refused) {
  test(`refused with its place: ${name}`, () => {
    assert.match(faultsOf(text)[0] ?? '', expected);
  });
}

test('every fault is told at once', () => {
  const faults = faultsOf('cache: x\nsteps:\n  - { name: a, image: b, commands: [c], dns: d }\n');
  assert.equal(faults.length, 2);
});

const bombs: [name: string, text: string, expected: RegExp][] = [
  ['a file longer than 64 KiB', `# ${'x'.repeat(65_536)}`, /at most 65536 are read/],
  [
    'aliases of aliases',
    `variables:\n  - &a [x, x, x, x, x, x, x, x, x]\n${Array.from(
      { length: 8 },
      (_, n) => `  - &${'bcdefghi'[n] ?? ''} [${`*${'abcdefgh'[n] ?? ''}, `.repeat(9)}]\n`,
    ).join('')}`,
    /more than 100 aliases|more than 4000 values/,
  ],
  ['thousands of levels', `a: ${'['.repeat(20_000)}`, /nested deeper than 32 levels|Flow/i],
  [
    'an alias of itself',
    'steps: &a\n  - *a\n',
    /nested deeper than 32 levels|more than 100 aliases|Unresolved/,
  ],
  [
    'thousands of keys',
    Array.from({ length: 6000 }, (_, n) => `k${n}: 1`).join('\n'),
    /more than 4000 values/,
  ],
];
for (const [name, text, expected] of bombs) {
  test(`a bomb is refused within a second of work: ${name}`, () => {
    // Processor time, because a busy machine says nothing about the file.
    const start = process.cpuUsage();
    assert.match(faultsOf(text)[0] ?? '', expected);
    const { user, system } = process.cpuUsage(start);
    assert.ok(user + system < 1_000_000, `${user + system} µs`);
  });
}

test('conditions: a list is or, the inside of one is and', () => {
  const parsed = parsePipelineFile(`
when:
  - { event: push, branch: main }
  - { event: pull_request }
  - { event: push, branch: { include: "release/*", exclude: release/old } }
steps:
  - { name: a, image: b, commands: [c] }
`);
  assert.ok(parsed.ok);
  const { when } = parsed.value;
  const conditionsHold = (
    conditions: typeof when,
    what: { event: 'push' | 'pull_request'; branch: string },
  ): boolean =>
    holding(conditions, { occasion: occasionOf(what), matrix: {}, platform: 'linux/amd64' })
      .length > 0;
  assert.ok(conditionsHold(when, { event: 'push', branch: 'main' }));
  assert.ok(!conditionsHold(when, { event: 'push', branch: 'topic' }));
  assert.ok(conditionsHold(when, { event: 'pull_request', branch: 'main' }));
  assert.ok(conditionsHold(when, { event: 'push', branch: 'release/2' }));
  assert.ok(!conditionsHold(when, { event: 'push', branch: 'release/old' }));
  assert.ok(!conditionsHold(when, { event: 'push', branch: 'release/2/x' }));
});
