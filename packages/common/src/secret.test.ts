import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { Secret } from './secret.ts';

const value = 'hunter2-value';

test('only reveal gives the value', () => {
  assert.equal(new Secret(value).reveal(), value);
});

const leaks: [string, (secret: Secret) => string][] = [
  ['toString', (secret) => secret.toString()],
  ['String', (secret) => String(secret)],
  ['JSON', (secret) => JSON.stringify({ secret })],
  ['inspect', (secret) => inspect({ deep: [secret] }, { showHidden: true, depth: null })],
  ['entries', (secret) => inspect([Object.entries(secret), Reflect.ownKeys(secret)])],
  ['clone', (secret) => inspect(structuredClone(secret), { showHidden: true })],
  ['error cause', (secret) => inspect(new Error('failed', { cause: secret }))],
];

for (const [name, show] of leaks) {
  test(`${name} does not show the value`, () => {
    assert.equal(show(new Secret(value)).includes(value), false);
  });
}
