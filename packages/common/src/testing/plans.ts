import type { PlanStep, PlanWorkflow, RunPlan } from '../wire/run-plan.ts';
import type { RunFacts } from '../wire/runner-protocol.ts';

export function planStep(name: string, change: Partial<PlanStep> = {}): PlanStep {
  return {
    name,
    image: 'node:24',
    kind: 'commands',
    commands: ['true'],
    entrypoint: null,
    environment: {},
    directory: null,
    dependsOn: [],
    runsOn: ['success'],
    failure: 'fail',
    detach: false,
    limits: null,
    ...change,
  };
}

export function planWorkflow(
  steps: readonly PlanStep[],
  change: Partial<PlanWorkflow> = {},
): PlanWorkflow {
  return {
    name: 'woodpecker',
    instance: 0,
    file: '.woodpecker.yaml',
    matrix: {},
    labels: {},
    dependsOn: [],
    runsOn: ['success'],
    clone: { depth: null, recursive: false, lfs: false, tags: false, partial: false },
    path: null,
    concurrency: null,
    steps: [...steps],
    services: [],
    ...change,
  };
}

/** One workflow, its steps in the order given, nothing kept. */
export function runPlan(steps: readonly PlanStep[], change: Partial<RunPlan> = {}): RunPlan {
  const inOrder = steps.map((step, index) => {
    const before = steps[index - 1];
    return before === undefined ? step : { ...step, dependsOn: [before.name] };
  });
  return {
    version: 2,
    workflows: [planWorkflow(inOrder)],
    artifact: null,
    release: null,
    ...change,
  };
}

/** A push to main of shop/web. */
export function runFacts(change: Partial<RunFacts> = {}): RunFacts {
  return {
    number: 7,
    repository: 'shop/web',
    repositoryUrl: 'https://git.example/shop/web.git',
    ref: 'refs/heads/main',
    branch: 'main',
    commit: '0123456789abcdef0123456789abcdef01234567',
    event: 'push',
    pullRequest: null,
    subject: 'VAT per line',
    authorName: 'Dana',
    authorEmail: 'dana@example.com',
    defaultBranch: 'main',
    createdAt: '2026-11-22T10:00:00Z',
    tag: null,
    sourceBranch: null,
    cron: null,
    deployTo: null,
    previous: null,
    url: 'https://ci.example/runs/run_1',
    variables: {},
    ...change,
  };
}
