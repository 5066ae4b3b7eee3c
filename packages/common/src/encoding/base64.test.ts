import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBase64, decodeBase64Url } from './base64.ts';
import { EncodingError } from './encoding-error.ts';

function refused(decode: () => unknown, text: string): void {
  assert.throws(
    decode,
    (error) => error instanceof EncodingError && error.code === 'E_BASE64',
    text,
  );
}

test('standard base64 decodes in its one form', () => {
  assert.equal(decodeBase64('Pz8/Pj4+').toString(), '???>>>');
  assert.equal(decodeBase64('YQ==').toString(), 'a');
  assert.equal(decodeBase64('').length, 0);
});

test('every other spelling of the same bytes is refused', () => {
  for (const text of [
    'YQ',
    'YQ=',
    'YQ===',
    'YR==',
    'Y Q==',
    'YQ==\n',
    'YQ==YQ==',
    'Pz8_Pj4-',
    'YQ=*',
    '*',
  ]) {
    refused(() => decodeBase64(text), text);
  }
});

test('base64url decodes without padding only', () => {
  assert.equal(decodeBase64Url('Pz8_Pj4-').toString(), '???>>>');
  for (const text of ['YQ==', 'Pz8/Pj4+', 'YR', 'Y', 'YQ\n'])
    refused(() => decodeBase64Url(text), text);
});
