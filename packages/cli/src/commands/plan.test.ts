import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { planDigest } from '@airlock/pipeline/plan-digest';
import { planMain } from '@airlock/pipeline/run-plan';
import { Command } from 'commander';
import { registerPlan } from './plan.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-compile-'));
after(() => {
  rmSync(directory, { recursive: true });
});
const pipeline = `steps:
  - { name: test, image: node, commands: [make test] }
  - { name: pr, image: node, commands: [make check], when: { event: pull_request } }
`;
const release = `version: 1
artifacts: { app: { path: dist/app.tar.gz } }
releases: { app: { artifacts: [app], promote: [{ target: prod-eu }] } }
`;
mkdirSync(join(directory, '.airlock'));
writeFileSync(join(directory, '.woodpecker.yaml'), pipeline);
writeFileSync(join(directory, '.airlock/release.yaml'), release);

let printed: string[] = [];

async function airlock(...args: string[]): Promise<string> {
  printed = [];
  const program = new Command('airlock').exitOverride();
  registerPlan(program, (lines) => {
    printed.push(...lines);
  });
  await program.parseAsync(['node', 'airlock', ...args]);
  return printed.join('\n');
}

test('compile prints the plan of the work tree and the digest that provenance states for it', async () => {
  const planned = planMain({ pipelines: [{ path: '.woodpecker.yaml', text: pipeline }], release });
  assert.ok(planned.kind === 'run');
  const digest = planDigest(planned.plan);
  assert.equal(
    await airlock('compile', directory),
    `workflow woodpecker\n  test (node)\n    + make test\nkeeps dist/app.tar.gz\nmay be asked for: prod-eu\nplan sha256:${digest}`,
  );
  assert.deepEqual(JSON.parse(await airlock('compile', directory, '--json')), {
    digest,
    plan: planned.plan,
    warnings: [],
  });
});

test('compile takes the event, and a file without its release file', async () => {
  const pr = await airlock('compile', directory, '--event', 'pull_request');
  assert.match(pr, /pr \(node\)\n {4}\+ make check/);
  assert.match(await airlock('compile', join(directory, '.woodpecker.yaml')), /nothing is kept/);
});

test('lint tells every fault as file:line:col, and says so when there is none', async () => {
  assert.equal(await airlock('lint', directory), 'no faults');
  const broken = join(directory, 'broken.yaml');
  writeFileSync(broken, 'steps:\n  - { name: a, image: b, commnds: [c], privileged: true }\n');
  await assert.rejects(airlock('lint', broken), { exitCode: 1 });
  const said = printed.join('\n');
  assert.match(said, /fault: broken\.yaml:2:26: steps\.0\.commnds: unknown key/);
  assert.match(said, /:2:40: steps\.0\.privileged: `privileged` is refused/);
  await assert.rejects(airlock('lint', join(directory, 'absent')), { exitCode: 2 });
});
