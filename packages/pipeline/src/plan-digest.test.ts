import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunPlan } from '@airlock/common/wire/run-plan';
import { RunPlan as RunPlanSchema } from '@airlock/common/wire/run-plan';
import { planDifferences } from './plan-difference.ts';
import { planBytes, planDigest } from './plan-digest.ts';
import { planMain } from './run-plan.ts';

const pipeline = `when:
  - event: push
steps:
  - name: test
    image: node:24
    environment:
      A: one
      B: two
    commands:
      - make test
      - make more
  - name: package
    image: node:24
    commands: [make package]
`;
const release = `version: 1
artifacts:
  web:
    path: dist/web.tar.gz
releases:
  web:
    artifacts: [web]
    promote:
      - target: prod-eu
`;

interface Given {
  readonly pipeline?: string;
  readonly release?: string | null;
}

const filesOf = (given: Given) => ({
  pipelines: [{ path: '.woodpecker.yaml', text: given.pipeline ?? pipeline }],
  release: given.release === undefined ? release : given.release,
});

function planOf(given: Given = {}): RunPlan {
  const planned = planMain(filesOf(given));
  if (planned.kind !== 'run') assert.fail(JSON.stringify(planned));
  return planned.plan;
}

const good = planDigest(planOf());

test('the digest is of canonical JSON with sorted keys, and stays what it is from version to version', () => {
  assert.equal(
    planBytes(planOf()).toString('utf8'),
    '{"artifact":{"maxBytes":null,"name":"web.tar.gz","path":"dist/web.tar.gz","workflow":"woodpecker"},' +
      '"release":{"requires":[],"targets":["prod-eu"],"version":null},"version":2,"workflows":[' +
      '{"clone":{"depth":null,"lfs":false,"partial":false,"recursive":false,"tags":false},"concurrency":null,' +
      '"dependsOn":[],"file":".woodpecker.yaml","instance":0,"labels":{},"matrix":{},"name":"woodpecker","path":null,' +
      '"runsOn":["success"],"services":[],"steps":[' +
      '{"commands":["make test","make more"],"dependsOn":[],"detach":false,"directory":null,"entrypoint":null,' +
      '"environment":{"A":"one","B":"two"},"failure":"fail","image":"node:24","kind":"commands","limits":null,' +
      '"name":"test","runsOn":["success"]},' +
      '{"commands":["make package"],"dependsOn":["test"],"detach":false,"directory":null,"entrypoint":null,' +
      '"environment":{},"failure":"fail","image":"node:24","kind":"commands","limits":null,"name":"package",' +
      '"runsOn":["success"]}]}]}',
  );
  assert.equal(good, '75a39f59ffe9c89e936297404370c955054a8535e463741ec7313df2b9779615');
});

test('a plan that was stored and read back has the digest that it had', () => {
  const stored = RunPlanSchema.parse(JSON.parse(JSON.stringify(planOf())));
  const { version, workflows, release: released, artifact } = stored;
  assert.equal(planDigest({ artifact, release: released, workflows, version }), good);
});

const sameMeaning: [how: string, files: Given][] = [
  ['a comment', { pipeline: `# nothing\n${pipeline}` }],
  [
    'the order of keys',
    { pipeline: pipeline.replace('      A: one\n      B: two', '      B: two\n      A: one') },
  ],
  [
    'another way to write the same',
    { pipeline: pipeline.replace('[make package]', '["make package"]') },
  ],
  [
    'an anchor and its alias',
    {
      pipeline: pipeline
        .replace('image: node:24\n    env', 'image: &i node:24\n    env')
        .replace('image: node:24\n    commands: [make', 'image: *i\n    commands: [make'),
    },
  ],
  [
    'a step for pull requests alone',
    {
      pipeline: `${pipeline}  - { name: pr, image: a, commands: [b], when: { event: pull_request } }\n`,
    },
  ],
  [
    'a default written out',
    { release: release.replace('    path:', '    workflow: woodpecker\n    path:') },
  ],
];
for (const [how, files] of sameMeaning) {
  test(`the digest does not change by ${how}`, () => {
    assert.equal(planDigest(planOf(files)), good);
  });
}

const otherMeaning: [what: string, files: Given, said: RegExp][] = [
  [
    'a command',
    { pipeline: pipeline.replace('make more', 'make less') },
    /^workflow woodpecker: step test: command 2 "make more" expected, ran "make less"$/,
  ],
  [
    'one command more',
    { pipeline: pipeline.replace('- make more', '- make more\n      - curl evil') },
    /^workflow woodpecker: step test: command 3 is not in the file, ran "curl evil"$/,
  ],
  [
    'one command less',
    { pipeline: pipeline.replace('      - make more\n', '') },
    /^workflow woodpecker: step test: command 2 "make more" expected, was left out$/,
  ],
  [
    'commands in another order',
    {
      pipeline: pipeline.replace(
        '- make test\n      - make more',
        '- make more\n      - make test',
      ),
    },
    /^workflow woodpecker: step test: command 1/,
  ],
  [
    'two commands made one',
    { pipeline: pipeline.replace('- make test\n      - make more', '- "make test\\nmake more"') },
    /^workflow woodpecker: step test: command 1/,
  ],
  [
    'an image',
    { pipeline: pipeline.replace('node:24', 'node:25') },
    /^workflow woodpecker: step test: image "node:24" expected, ran "node:25"$/,
  ],
  [
    'a variable',
    { pipeline: pipeline.replace('A: one', 'A: two') },
    /^workflow woodpecker: step test: environment A$/,
  ],
  [
    'a variable more',
    { pipeline: pipeline.replace('A: one', 'A: one\n      LD_PRELOAD: x') },
    /^workflow woodpecker: step test: environment LD_PRELOAD$/,
  ],
  [
    'the name of a step',
    { pipeline: pipeline.replace('name: test', 'name: tests') },
    /^workflow woodpecker: steps test, package expected, ran tests, package$/,
  ],
  [
    'a step more',
    { pipeline: `${pipeline}  - { name: exfil, image: a, commands: [b] }\n` },
    /^workflow woodpecker: steps test, package expected, ran test, package, exfil$/,
  ],
  ['what is kept', { release: release.replace('dist/', 'out/') }, /^artifact$/],
  [
    'how much of it is kept',
    { release: release.replace('    path:', '    maxSize: 1MiB\n    path:') },
    /^artifact$/,
  ],
  ['where it may go', { release: release.replace('prod-eu', 'prod-us') }, /^release$/],
  ['no release file', { release: null }, /^artifact; release$/],
];
for (const [what, files, said] of otherMeaning) {
  test(`the digest changes, and the difference is named: ${what}`, () => {
    const other = planOf(files);
    assert.notEqual(planDigest(other), good);
    assert.match(planDifferences(planOf(), other).join('; '), said);
  });
}

test('plans of the same digest have no difference', () => {
  assert.deepEqual(planDifferences(planOf(), planOf()), []);
});

test('every text that the files may hold can be put into the digest', () => {
  for (const text of ['\u2028', 'ü', '😀', '\\', '"', '\t', '\u0001']) {
    const files = { pipeline: pipeline.replace('make more', JSON.stringify(text)) };
    assert.match(planDigest(planOf(files)), /^[0-9a-f]{64}$/);
  }
  for (const escape of ['"\\ud800"', '"\\0"']) {
    const planned = planMain(filesOf({ pipeline: pipeline.replace('make more', escape) }));
    assert.match(planned.kind === 'refused' ? planned.reason : '', /:11:9: .*surrogate/, escape);
  }
});
