import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EncodingError, type EncodingCode } from './encoding-error.ts';
import { hasExactKeys, parseStrictJson } from './strict-json.ts';

function codeOf(text: string, depth = 16): EncodingCode | 'OK' {
  try {
    parseStrictJson(text, depth);
    return 'OK';
  } catch (error) {
    assert.ok(error instanceof EncodingError, String(error));
    return error.code;
  }
}

const cases: [string, EncodingCode | 'OK'][] = [
  [' {"a":[1,-2,{"b":null}],"c":true,"d":false} ', 'OK'],
  ['"\\u00e9\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\\\\\""', 'OK'],
  ['9007199254740991', 'OK'],
  ['', 'E_JSON'],
  ['{} x', 'E_JSON'],
  ['{}{}', 'E_JSON'],
  ['NaN', 'E_JSON'],
  ['Infinity', 'E_JSON'],
  ['01', 'E_JSON'],
  ['+1', 'E_JSON'],
  ['.5', 'E_JSON'],
  ['1.', 'E_JSON'],
  ['0x10', 'E_JSON'],
  ["'a'", 'E_JSON'],
  ['[1,]', 'E_JSON'],
  ['{"a":1,}', 'E_JSON'],
  ['{"a"}', 'E_JSON'],
  ['{a:1}', 'E_JSON'],
  ['[1 2]', 'E_JSON'],
  ['"a\nb"', 'E_JSON'],
  ['"a\u0000b"', 'E_JSON'],
  ['"\\x41"', 'E_JSON'],
  ['"\\u12"', 'E_JSON'],
  ['"\\u12g4"', 'E_JSON'],
  ['"open', 'E_JSON'],
  ['"open\\', 'E_JSON'],
  ['[', 'E_JSON'],
  ['\u00a0{}', 'E_JSON'],
  ['// c\n{}', 'E_JSON'],
  ['nul', 'E_JSON'],
  ['truex', 'E_JSON'],
  ['{"a":1,"a":1}', 'E_JSON_DUP'],
  ['{"a":1,"\\u0061":2}', 'E_JSON_DUP'],
  ['{"constructor":1,"constructor":2}', 'E_JSON_DUP'],
  ['{"__proto__":{}}', 'E_JSON_KEY'],
  ['{"\\u005f_proto__":{}}', 'E_JSON_KEY'],
  ['9007199254740992', 'E_JSON_NUMBER'],
  ['-9007199254740993', 'E_JSON_NUMBER'],
  ['1e400', 'E_JSON_NUMBER'],
  ['1.5', 'E_JSON_NUMBER'],
  ['"\\ud800"', 'E_UNICODE'],
  ['"\\ude00\\ud83d"', 'E_UNICODE'],
  ['{"\\udfff":1}', 'E_UNICODE'],
];

for (const [text, code] of cases) {
  test(`${JSON.stringify(text)} reads as ${code}`, () => {
    assert.equal(codeOf(text), code);
  });
}

test('nesting is counted in arrays and objects, and stops before the stack does', () => {
  assert.equal(codeOf('[[[[]]]]', 4), 'OK');
  assert.equal(codeOf('[[[[1]]]]', 4), 'OK');
  assert.equal(codeOf('[[[[[]]]]]', 4), 'E_JSON_DEPTH');
  assert.equal(codeOf('[{"a":[{"b":{}}]}]', 4), 'E_JSON_DEPTH');
  assert.equal(codeOf('['.repeat(100_000), 16), 'E_JSON_DEPTH');
});

test('what JSON.stringify writes reads back equal', () => {
  const document = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 6 },
      fc.string({ unit: 'binary' }),
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(
        fc.string().filter((key) => key !== '__proto__'),
        tie('value'),
        { maxKeys: 4, noNullPrototype: true },
      ),
    ),
  })).value;
  fc.assert(
    fc.property(document, (value) => {
      const text = JSON.stringify(value);
      assert.deepEqual(parseStrictJson(text, 16), JSON.parse(text));
    }),
    { numRuns: 300 },
  );
});

test('nothing is accepted that JSON.parse refuses', () => {
  const noise = fc.string({
    unit: fc.constantFrom(...Array.from('{}[]":,\\u0019eE+-.truefalsn \n')),
  });
  fc.assert(
    fc.property(noise, (text) => {
      if (codeOf(text) === 'OK') assert.deepEqual(parseStrictJson(text, 16), JSON.parse(text));
    }),
    { numRuns: 3000 },
  );
});

test('exact keys means these, no other, none inherited', () => {
  assert.ok(hasExactKeys({ a: 1, b: 2 }, ['b', 'a']));
  assert.ok(!hasExactKeys({ a: 1, b: 2 }, ['a']));
  assert.ok(!hasExactKeys({ a: 1 }, ['a', 'b']));
  assert.ok(!hasExactKeys({ a: 1 }, ['toString']));
  assert.ok(!hasExactKeys([1], ['0']));
  assert.ok(!hasExactKeys(null, []));
});
