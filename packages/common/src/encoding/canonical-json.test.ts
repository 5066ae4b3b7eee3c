import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { canonicalJson, parseCanonicalJson, type JsonInput } from './canonical-json.ts';

test('keys keep the order given and there is no white space', () => {
  assert.equal(
    canonicalJson({ b: 1, a: [true, null, 'x'] }).toString(),
    '{"b":1,"a":[true,null,"x"]}',
  );
});

test('what JSON.stringify would drop or change is refused', () => {
  const bad: unknown[] = [
    { a: undefined },
    [undefined],
    new Array(1),
    Number.NaN,
    { a: 1.5 },
    -0,
    new Date(0),
    new Map(),
    () => 1,
    10n,
    { 1: 'a' },
    Symbol('a'),
  ];
  for (const value of bad) {
    // The cast is the point: callers without types get here, too.
    assert.throws(() => canonicalJson(value as JsonInput), { code: 'E_NOT_CANONICAL' });
  }
  assert.throws(() => canonicalJson('\ud800'), { code: 'E_UNICODE' });
  assert.throws(() => canonicalJson(JSON.parse('{"__proto__":1}') as JsonInput), {
    code: 'E_JSON_KEY',
  });
});

test('only the one spelling of a document is read', () => {
  assert.deepEqual(parseCanonicalJson(Buffer.from('{"a":"é"}'), 4), { a: 'é' });
  for (const text of [
    '{ "a":1}',
    '{"a":1}\n',
    '{"a":"\\u00e9"}',
    '{"a":1.0}',
    '{"a":-0}',
    '{"a":"\\/"}',
    '{"b":1,"1":2}',
  ]) {
    assert.throws(
      () => parseCanonicalJson(Buffer.from(text), 4),
      { code: 'E_NOT_CANONICAL' },
      text,
    );
  }
});
