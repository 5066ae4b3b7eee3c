import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testLines } from './tests.ts';

test('a failed test is shown with its message, and no control character of a report reaches the terminal', () => {
  const common = { workflow: 'ci', suite: 'cart', group: '', path: null, line: null };
  const lines = testLines({
    ...{ passed: 1, failed: 1, skipped: 0, flaky: 1 },
    tests: [
      {
        ...common,
        name: 'rounds',
        outcome: 'failed',
        seconds: 0.5,
        message: 'a\n\u001b[2Jb',
        isFlaky: true,
      },
      {
        ...common,
        name: 'adds',
        outcome: 'passed',
        seconds: null,
        message: 'note',
        isFlaky: false,
      },
    ],
    files: [{ path: 'out/cut.xml', fault: 'it is no XML' }],
  });
  assert.ok(!lines.join('\n').includes('\u001b'));
  assert.deepEqual(
    [lines[0], lines[1], lines[2], ...lines.slice(4)],
    [
      '1 passed, 1 failed, 0 skipped, 1 flaky',
      '✗ ci › cart › rounds (flaky) 0.50 s',
      '    a',
      '✓ ci › cart › adds',
      'out/cut.xml cannot be read: it is no XML',
    ],
  );
});
