import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outputsBefore, parseOutputs } from './outputs.ts';

const parsed = (text: string) => parseOutputs('build.env', text);
const step = (name: string, dependsOn: string[]) => ({
  name,
  dependsOn,
  kind: 'commands' as const,
});

test('a line is a name and the text behind the first =, whatever stands in it', () => {
  assert.deepEqual(
    parsed('# of this build\n\nVERSION=1.4.0\r\nURL=https://a/?b=c $(id) "d"\nEMPTY='),
    {
      ok: true,
      outputs: {
        OUTPUT_VERSION: '1.4.0',
        OUTPUT_URL: 'https://a/?b=c $(id) "d"',
        OUTPUT_EMPTY: '',
      },
    },
  );
});

test('every name is given with OUTPUT_ before it, so that none is one that a loader or a shell reads', () => {
  for (const name of ['LD_PRELOAD', 'PATH', 'BASH_ENV', 'NODE_OPTIONS', 'CI_COMMIT_SHA']) {
    const read = parsed(`${name}=/build/evil.so`);
    assert.ok(read.ok);
    assert.deepEqual(Object.keys(read.outputs), [`OUTPUT_${name}`]);
  }
});

test('what is no such line is refused with its place', () => {
  for (const [text, why] of [
    ['A=1\nexport B=2', /^outputs: build\.env:2: expected NAME=value/],
    ['1A=2', /:1: expected NAME=value/],
    ['A B=2', /:1: expected NAME=value/],
    ['A=\0', /:1: a value is text in UTF-8 without NUL/],
    ['A=\uFFFD', /:1: a value is text in UTF-8/],
    [`A=${'x'.repeat(8193)}`, /:1: a value has at most 8192 bytes/],
    [Array.from({ length: 65 }, (_, n) => `A${n}=1`).join('\n'), /:65: .* at most 64 values/],
  ] as const) {
    const read = parsed(text);
    assert.ok(!read.ok);
    assert.match(read.reason, why);
  }
});

test('a step is given what stands before it, by what it depends on and not by what was faster', () => {
  const steps = [step('a', []), step('b', ['a']), step('side', []), step('c', ['b'])];
  const known = new Map([
    ['a', { OUTPUT_X: 'a', OUTPUT_A: '1' }],
    ['side', { OUTPUT_X: 'side' }],
    ['b', { OUTPUT_X: 'b' }],
  ]);
  assert.deepEqual(outputsBefore(step('c', ['b']), steps, known), { OUTPUT_X: 'b', OUTPUT_A: '1' });
  assert.deepEqual(outputsBefore(step('a', []), steps, known), {});
  assert.deepEqual(outputsBefore({ ...step('c', ['b']), kind: 'plugin' }, steps, known), {});
});
