import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConditionError, parseCondition, type ConditionFacts } from './approval-condition.ts';

const facts: ConditionFacts = {
  'delta.paths': { some: ['infra/main.tf', 'src/index.ts'], all: true },
  'delta.authors': { some: ['dana@example.com'], all: true },
  'delta.commits': 3,
  'delta.files': 2,
  'delta.newDependencies': 0,
  'delta.migrations': 1,
  'release.version': 'web@1.2.0',
  'release.repository': 'https://git.example/web.git',
  'release.artifact': 'web',
  'release.requester': 'dana@idp.example',
};
const answer = (text: string, changes: Partial<ConditionFacts> = {}) =>
  parseCondition(text).evaluate({ ...facts, ...changes });

for (const [text, expected] of [
  ['delta.paths matches "^infra/"', 'yes'],
  ['delta.paths matches "^docs/"', 'no'],
  ['delta.paths matches "^infra/" || delta.newDependencies > 0', 'yes'],
  ['delta.paths startsWith "src/" && delta.migrations == 0', 'no'],
  ['not (delta.paths endsWith ".sql") and delta.commits >= 3', 'yes'],
  ['"dana@example.com" in delta.authors', 'yes'],
  ['release.version in ["web@1.2.0", "web@1.3.0"]', 'yes'],
  ['release.version != "web@1.2.0"', 'no'],
  ['delta.authors contains "@contractor."', 'no'],
  [`release.artifact == 'web' or delta.files < 2`, 'yes'],
  ['delta.paths matches "main\\.tf$"', 'yes'],
  ['!(delta.commits <= 2)', 'yes'],
] as const) {
  test(`${text}: ${expected}`, () => {
    assert.equal(answer(text), expected);
  });
}

const unknown = { 'delta.newDependencies': null } as const;
for (const [text, expected] of [
  ['delta.newDependencies > 0', 'undecided'],
  ['!(delta.newDependencies > 0)', 'undecided'],
  ['delta.newDependencies > 0 || delta.commits == 3', 'yes'],
  ['delta.newDependencies > 0 || delta.commits == 4', 'undecided'],
  ['delta.newDependencies > 0 && delta.commits == 4', 'no'],
  ['delta.newDependencies > 0 && delta.commits == 3', 'undecided'],
] as const) {
  test(`where nobody knows the new dependencies, ${text} is ${expected}`, () => {
    assert.equal(answer(text, unknown), expected);
  });
}

const cut = { 'delta.paths': { some: ['src/index.ts'], all: false } } as const;
for (const [text, expected] of [
  ['delta.paths startsWith "src/"', 'yes'],
  ['delta.paths startsWith "infra/"', 'undecided'],
  ['"infra/main.tf" in delta.paths', 'undecided'],
  ['!(delta.paths startsWith "infra/")', 'undecided'],
] as const) {
  test(`where not every path is listed, ${text} is ${expected}`, () => {
    assert.equal(answer(text, cut), expected);
  });
}

for (const [text, at, message] of [
  ['delta.newDependancies > 0', 1, /knows no delta\.newDependancies; known are delta\.paths/],
  ['delta.commits > 1 || true', 22, /knows no true/],
  ['delta.paths == "x"', 13, /cannot stand between a list and text/],
  ['delta.commits > "1"', 15, /between a number and text/],
  ['release.version < "2"', 17, /between text and text/],
  ['delta.paths', 1, /is a list and no question/],
  ['delta.commits && delta.files', 15, /wants questions/],
  ['delta.paths matches release.version', 13, /written out/],
  ['delta.paths matches "("', 13, /at its character 1/],
  ['delta.commits >', 16, /ends too early/],
  ['delta.commits > 1 )', 19, /does not understand \)/],
  ['delta.commits > 1; x', 18, /does not understand ;/],
  ['matches("x")', 1, /knows no matches/],
  ['("x"', 5, /ends too early/],
  ['release.version in [1]', 21, /does not understand 1/],
  [`${'!'.repeat(40)}(delta.commits > 1)`, 18, /deeper/],
  ['x'.repeat(1025), 1, /more than 1024/],
] as const) {
  test(`${text.slice(0, 40)} is refused at its place`, () => {
    assert.throws(
      () => parseCondition(text),
      (error) => error instanceof ConditionError && error.at === at && message.test(error.message),
    );
  });
}
