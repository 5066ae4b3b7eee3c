import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headFacts, occasionOf } from './occasion.ts';
import { planRun } from './run-plan.ts';

const filesOf = (text: string, release: string | null = null) => ({
  pipelines: [{ path: '.woodpecker.yaml', text }],
  release,
});
const push = occasionOf({ event: 'push', branch: 'main' });

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
    planned.kind === 'run'
      ? (planned.plan.workflows[0]?.steps ?? []).map((step) => step.name)
      : [planned.kind];
  assert.deepEqual(names(planRun(filesOf(pipeline), push)), ['test', 'publish']);
  const topic = { ...push, branch: 'topic' };
  assert.deepEqual(names(planRun(filesOf(pipeline), topic)), ['test']);
});

test('no pipeline file, or none for this event, starts no run', () => {
  assert.equal(planRun({ pipelines: [], release: null }, push).kind, 'nothing');
  const tagsOnly = 'when: { event: tag }\nsteps:\n  - { name: a, image: b, commands: [c] }\n';
  assert.equal(planRun(filesOf(tagsOnly), push).kind, 'nothing');
});

test('a fault in either file is told with file, line and column', () => {
  const pipeline = 'steps:\n  - { name: a, image: b, commands: [c] }\n';
  const bad = planRun(filesOf('steps: 1\n'), push);
  assert.match(
    bad.kind === 'refused' ? bad.reason : '',
    /^\.woodpecker\.yaml:1:8: steps: expected/,
  );
  const badRelease = planRun(filesOf(pipeline, 'version: 1\nx: 1\n'), push);
  assert.match(
    badRelease.kind === 'refused' ? badRelease.reason : '',
    /^\.airlock\/release\.yaml:2:1: x: unknown key/,
  );
});

test('a plan that aliases blow up is refused before it travels', () => {
  const long = 'x'.repeat(10_000);
  const commands = (from: number): string =>
    Array.from({ length: 30 }, (_, index) => (from + index === 0 ? `&a ${long}` : '*a')).join(', ');
  const pipeline = `steps:\n  - { image: a, commands: [${commands(0)}] }\n`;
  const planned = planRun(filesOf(pipeline), push);
  assert.match(planned.kind === 'refused' ? planned.reason : '', /use fewer aliases/);
});
