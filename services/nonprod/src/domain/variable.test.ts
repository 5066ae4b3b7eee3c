import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainVariables, givenVariables } from './variable.ts';

const global = { scope: '*', name: 'REGION', value: 'eu' };
const own = { scope: 'shop/web', name: 'REGION', value: 'us' };
const level = { scope: '*', name: 'LEVEL', value: '2' };

test('a repository’s own value hides the one for all, whichever was read first, and says so', () => {
  for (const all of [
    [global, own, level],
    [level, own, global],
  ]) {
    assert.deepEqual(explainVariables({ scopes: ['*', 'shop/web'], all }), [
      { set: level, hides: null },
      { set: own, hides: global },
    ]);
  }
});

test('of several scopes the last counts, hides the one before it, and those that nobody chose count nothing', () => {
  const eu = { scope: '@eu', name: 'REGION', value: 'eu-1' };
  const other = { scope: '@other', name: 'ONLY', value: 'x' };
  const scopes = ['*', '@eu', 'shop/web'];
  assert.deepEqual(explainVariables({ scopes, all: [other, eu, global] }), [
    { set: eu, hides: global },
  ]);
  assert.deepEqual(explainVariables({ scopes, all: [own, eu, global] }), [{ set: own, hides: eu }]);
});

test('what a run was started with comes before what is set', () => {
  const given = givenVariables(
    { scopes: ['*', 'shop/web'], all: [global, own, level] },
    { REGION: 'asia', TAG: 'x' },
  );
  assert.deepEqual(given, { LEVEL: '2', REGION: 'asia', TAG: 'x' });
});
