import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createStatementNames } from './statement-names.ts';

test('a text has one name, and no two texts have the same', () => {
  const nameOf = createStatementNames();
  const texts = ['select 1', 'select 2', 'select 1 '];
  const names = texts.map((sql) => nameOf({ sql }));
  assert.equal(new Set(names).size, 3);
  assert.deepEqual(
    texts.map((sql) => nameOf({ sql })),
    names,
  );
});

test('the 201st text has no name, and those before keep theirs', () => {
  const nameOf = createStatementNames();
  const first = nameOf({ sql: 'select 0' });
  for (let n = 1; n < 200; n += 1) assert.notEqual(nameOf({ sql: `select ${n}` }), '');
  assert.equal(nameOf({ sql: 'select 200' }), '');
  assert.equal(nameOf({ sql: 'select 0' }), first);
});
