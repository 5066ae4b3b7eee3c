import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestWords } from './digest-words.ts';

const digestOf = (start: string): string => start.padEnd(64, '0');

test('the words are those of the proposal', () => {
  // Its own examples: 127.0.0.1, 63.84.220.193, 63.118.7.35 and 140.98.193.141.
  assert.equal(
    digestWords(digestOf('7f0000013f54dcc13f7607238c62c18d')),
    'lusab babad gutih tugad gutuk bisog mudof sakat',
  );
});

test('every one of the first 128 bits changes one word, and no later one any', () => {
  const zero = digestWords(digestOf(''));
  for (let bit = 0; bit < 256; bit++) {
    const digest = (1n << BigInt(255 - bit)).toString(16).padStart(64, '0');
    const words = digestWords(digest).split(' ');
    const differing = words.flatMap((word, n) => (word === zero.split(' ')[n] ? [] : [n]));
    assert.deepEqual(differing, bit < 128 ? [Math.floor(bit / 16)] : [], `bit ${bit}`);
  }
});

test('what is no SHA-256 has no words', () => {
  for (const text of ['', 'lusab', digestOf('7F'), '0'.repeat(63), '0'.repeat(65)]) {
    assert.throws(() => digestWords(text), /64 hexadecimal digits/);
  }
});
