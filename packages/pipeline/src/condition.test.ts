import assert from 'node:assert/strict';
import { test } from 'node:test';
import { holding, statusesOf, type Occasion } from './condition.ts';
import { occasionOf, skipsRun, withOwnVariables } from './occasion.ts';
import { parsePipelineFile } from './pipeline-file.ts';

function conditionsOf(when: string) {
  const text = `steps:\n  - image: a\n    commands: [b]\n    when: ${when}\n`;
  const parsed = parsePipelineFile(text);
  assert.ok(parsed.ok, JSON.stringify(parsed));
  return parsed.value.steps[0]?.when ?? [];
}

const push = occasionOf({ event: 'push', branch: 'main', repository: 'shop/web' });
const pull = occasionOf({ event: 'pull_request', branch: 'main', ref: 'refs/pull/7/head' });
const tag = occasionOf({ event: 'tag', branch: 'main', ref: 'refs/tags/v1.2', tag: 'v1.2' });
const cron = occasionOf({ event: 'cron', branch: 'main', cron: 'sync_daily' });
const changed = (...files: string[]): Occasion => ({ ...push, changedFiles: files });

const cases: [when: string, occasion: Occasion, holds: boolean][] = [
  ['{ event: [push, tag] }', push, true],
  ['{ event: tag }', push, false],
  ['[{ event: tag }, { event: push, branch: main }]', push, true],
  ['{ branch: main }', pull, true],
  ['{ branch: nothing }', tag, true],
  ['{ branch: "release/*" }', { ...push, branch: 'release/1' }, true],
  ['{ branch: "release/*" }', { ...push, branch: 'release/1/2' }, false],
  ['{ branch: "{main,develop}" }', push, true],
  ['{ branch: { include: ["*"], exclude: [main] } }', push, false],
  [
    '{ branch: "${CI_REPO_DEFAULT_BRANCH}" }',
    { ...push, environment: { CI_REPO_DEFAULT_BRANCH: 'main' } },
    true,
  ],
  ['{ branch: "${X}" }', { ...push, environment: { X: '*' } }, false],
  ['{ ref: "refs/tags/v*" }', tag, true],
  ['{ repo: shop/* }', push, true],
  ['{ cron: "sync_*" }', cron, true],
  ['{ cron: other }', cron, false],
  ['{ cron: other }', push, true],
  ['{ platform: "linux/*" }', push, true],
  ['{ instance: ci.example }', push, false],
  ['{ path: "src/**" }', changed('src/a/b.ts', 'README.md'), true],
  ['{ path: "src/*" }', changed('src/a/b.ts'), false],
  ['{ path: { exclude: ["*.md"] } }', changed('README.md', 'a.ts'), true],
  ['{ path: { exclude: ["*.md", "docs/**"] } }', changed('README.md', 'docs/a/b'), false],
  ['{ path: { include: [a], on_empty: false } }', changed(), false],
  ['{ path: [a] }', changed(), true],
  ['{ path: [a] }', push, true],
  ['{ path: [a] }', { ...tag, changedFiles: ['b'] }, true],
  [
    '{ path: { include: [a], ignore_message: "[ALL]" } }',
    { ...changed('b'), environment: { CI_COMMIT_MESSAGE: 'x [all]' } },
    true,
  ],
  ['{ evaluate: \'CI_REPO == "shop/web"\' }', push, true],
  ['{ event: push, evaluate: \'CI_COMMIT_BRANCH == "x"\' }', push, false],
];
for (const [when, occasion, holds] of cases) {
  test(`when ${when}: ${holds ? 'runs' : 'is left out'} at ${occasion.event} ${occasion.changedFiles?.join(' ') ?? occasion.branch}`, () => {
    const facts = { occasion: withOwnVariables(occasion), matrix: {}, platform: 'linux/amd64' };
    assert.equal(holding(conditionsOf(when), facts).length > 0, holds);
  });
}

test('a combination of the matrix is asked for with globs, and excluded only as a whole', () => {
  const facts = (GO: string) => ({
    occasion: push,
    matrix: { GO, OS: 'linux' },
    platform: 'linux/amd64',
  });
  const some = conditionsOf('{ matrix: { GO: "1.2*" } }');
  assert.deepEqual(
    [holding(some, facts('1.24')).length, holding(some, facts('2.0')).length],
    [1, 0],
  );
  const none = conditionsOf('{ matrix: { exclude: { GO: "1.24", OS: windows } } }');
  assert.equal(holding(none, facts('1.24')).length, 1);
});

test('status counts only in conditions that hold; without one it is success', () => {
  const when = conditionsOf(
    '[{ event: tag, status: failure }, { event: pull_request, status: [success, failure] }]',
  );
  const facts = (occasion: Occasion) => ({ occasion, matrix: {}, platform: 'linux/amd64' });
  assert.deepEqual(statusesOf(holding(when, facts(tag))), ['failure']);
  assert.deepEqual(statusesOf(holding(when, facts(pull))), ['success', 'failure']);
  assert.deepEqual(statusesOf(holding([], facts(push))), ['success']);
});

test('[skip ci] skips pushes and pull requests and nothing else', () => {
  assert.ok(skipsRun('push', 'docs [CI SKIP]'));
  assert.ok(skipsRun('pull_request', '[skip ci] docs'));
  assert.ok(!skipsRun('tag', '[skip ci]'));
  assert.ok(!skipsRun('push', 'skip ci'));
});
