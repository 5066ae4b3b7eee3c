import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ExpressionError } from './expression-tokens.ts';
import { parseExpression } from './expression.ts';

const variables = {
  CI_PIPELINE_EVENT: 'push',
  CI_COMMIT_BRANCH: 'main',
  CI_COMMIT_MESSAGE: 'fix: VAT [deploy]',
  CI_COMMIT_TAG: 'v1.2.3',
};

const cases: [text: string, holds: boolean][] = [
  ['CI_PIPELINE_EVENT == "push" && CI_COMMIT_BRANCH == \'main\'', true],
  ['CI_PIPELINE_EVENT == "tag" or CI_COMMIT_BRANCH != "main"', false],
  ['not (CI_COMMIT_MESSAGE contains "please ignore me")', true],
  ['!(CI_COMMIT_MESSAGE startsWith "fix") || true', true],
  ['CI_COMMIT_MESSAGE endsWith "]"', true],
  ['CI_COMMIT_BRANCH in ["main", "develop"]', true],
  ['CI_COMMIT_BRANCH not in ["main", "develop"]', false],
  ['"CI_COMMIT_TAG" in $env and $env["CI_COMMIT_TAG"] == "v1.2.3"', true],
  ['SKIP != "true"', true],
  ['UNKNOWN == ""', true],
  ['1 < 2 and 2.5 >= 2.5', true],
  ['"a" < "b"', true],
  ['${CI_COMMIT_BRANCH} == "main"', true],
  ['"${CI_COMMIT_TAG}" matches "^v[0-9]+\\\\\\\\.2"', true],
  ['CI_COMMIT_TAG matches "^v2"', false],
  ['true and not false', true],
];
for (const [text, holds] of cases) {
  test(`${text} ${holds ? 'holds' : 'does not hold'}`, () => {
    assert.equal(parseExpression(text).holds(variables), holds);
  });
}

const refused: [text: string, expected: RegExp][] = [
  ['len(CI_COMMIT_TAG) > 3', /knows no functions such as len/],
  ['CI_COMMIT_TAG', /is not true or false/],
  ['CI_COMMIT_TAG > 3', /cannot stand between text and a number/],
  ['CI_COMMIT_TAG ==', /ends too early/],
  ['a == "b" extra', /does not understand `extra` here/],
  ['a == "b" & c', /does not understand `&` here/],
  ['a matches b', /wants its pattern written out/],
  ['a matches "("', /no regular expression/],
  ['user.name == "x"', /knows no fields/],
  ['(('.repeat(40), /nested deeper than 32/],
];
for (const [text, expected] of refused) {
  test(`refused: ${text.slice(0, 40)}`, () => {
    assert.throws(() => parseExpression(text), expected);
  });
}

test('a value cannot write a part of the expression that names it', () => {
  const expression = parseExpression('"${CI_COMMIT_BRANCH}" == "main"');
  assert.equal(expression.holds({ CI_COMMIT_BRANCH: 'x" == "x" || "main' }), false);
});

test('a pattern that stalls others takes no longer than a plain one', () => {
  const expression = parseExpression('A matches "(a+)+$"');
  const start = process.cpuUsage();
  assert.equal(expression.holds({ A: `${'a'.repeat(50_000)}!` }), false);
  const { user, system } = process.cpuUsage(start);
  assert.ok(user + system < 1_000_000, `${user + system} µs`);
});

test('any text is an expression or told to be none', () => {
  const words = fc.constantFrom(
    'a',
    '==',
    '"x"',
    '(',
    ')',
    'not',
    'in',
    '[',
    ']',
    ',',
    '&&',
    '!',
    '1',
    '$env',
    '${a}',
    'matches',
    '.',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(words).map((all) => all.join(' ')),
      ),
      (text) => {
        try {
          assert.equal(typeof parseExpression(text).holds({}), 'boolean');
        } catch (error) {
          assert.ok(error instanceof ExpressionError, String(error));
        }
      },
    ),
  );
});
