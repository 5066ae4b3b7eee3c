import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstFailingLine } from './first-failure.ts';

const cases: [tool: string, output: string, cause: string][] = [
  [
    'a compiler',
    'cc -c a.c\na.c:3:1: warning: unused\na.c:9:5: error: expected ;\nmake: *** [a.o] Error 1',
    'a.c:9:5: error: expected ;',
  ],
  [
    'npm',
    '> tsc\nsrc/a.ts(1,7): error TS2322: Type\nnpm ERR! code 2\nnpm ERR! path /x',
    'src/a.ts(1,7): error TS2322: Type',
  ],
  [
    'go test',
    '=== RUN TestA\n--- FAIL: TestA (0.00s)\n    a_test.go:4: got 1\nFAIL\nexit status 1',
    '--- FAIL: TestA (0.00s)',
  ],
  [
    'pytest',
    'collected 2 items\n    def test_a():\n>       assert 1 == 2\nE       assert 1 == 2\n\na.py:2: AssertionError\n1 failed in 0.1s',
    'E       assert 1 == 2',
  ],
  [
    'python',
    'Traceback (most recent call last):\n  File "a.py", line 1\nKeyError: 1',
    'Traceback (most recent call last):',
  ],
  [
    'rust',
    'Compiling a\nerror[E0308]: mismatched types\n --> src/a.rs:1\nerror: could not compile',
    'error[E0308]: mismatched types',
  ],
  ['a shell', '+ foo\nsh: 1: foo: command not found', 'sh: 1: foo: command not found'],
  ['node', 'ok 1\nUncaught:\nTypeError: x is not a function\n    at a.js:1', 'Uncaught:'],
  [
    'an error that was survived',
    `error: retrying\n${'fine\n'.repeat(20)}fatal: gone\nbye`,
    'fatal: gone',
  ],
  ['no word of an error', 'one\ntwo\n\n', 'two'],
  ['a good summary', 'starting\n0 errors, 0 warnings\nsomething else\n', 'something else'],
  [
    'words that only mention it',
    'reading error-messages\nTests: 3 passed, failures: 0\nlast',
    'last',
  ],
];
for (const [tool, output, cause] of cases) {
  test(`the cause is found in the output of ${tool}`, () => {
    const lines = output.split('\n');
    assert.equal(lines[firstFailingLine(lines) ?? -1], cause);
  });
}

test('a log without a word has no failing line', () => {
  assert.equal(firstFailingLine([]), null);
  assert.equal(firstFailingLine(['', '  ']), null);
});
