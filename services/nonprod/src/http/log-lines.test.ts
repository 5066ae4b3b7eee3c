import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLineReader } from './log-lines.ts';

const piece = (text: string | Buffer, step = 'build', lease = 1) => ({
  lease,
  sequence: 0,
  step,
  bytes: typeof text === 'string' ? Buffer.from(text) : text,
});

test('lines and letters that are split between pieces come out whole', () => {
  const reader = createLineReader();
  const bytes = Buffer.from('größe\n');
  assert.deepEqual(reader.push(piece(bytes.subarray(0, 3))), []);
  assert.deepEqual(reader.push(piece(bytes.subarray(3))), [{ step: 'build', text: 'größe' }]);
  assert.deepEqual(reader.push(piece('end')), []);
  assert.deepEqual(reader.rest(), [{ step: 'build', text: 'end' }]);
});

test('of a line that was rewritten the last state is shown', () => {
  const reader = createLineReader();
  assert.deepEqual(reader.push(piece('10%\r50%\r100%\r\n')), [{ step: 'build', text: '100%' }]);
});

test('a new step ends the open line of the one before, and a new attempt says so', () => {
  const reader = createLineReader();
  reader.push(piece('open'));
  assert.deepEqual(reader.push(piece('a\n', 'test')), [
    { step: 'build', text: 'open' },
    { step: 'test', text: 'a' },
  ]);
  assert.match(reader.push(piece('b\n', 'build', 2))[0]?.text ?? '', /a new attempt/);
});

test('a line without end is broken and not collected', () => {
  const reader = createLineReader();
  assert.equal(reader.push(piece('x'.repeat(20_000))).length, 2);
});
