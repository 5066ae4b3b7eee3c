import assert from 'node:assert/strict';
import { test } from 'node:test';
import { revertsOf } from './newer.ts';

const a = { commit: 'a'.repeat(40), subject: 'orders: VAT per line' };
const b = { commit: 'b'.repeat(40), subject: 'shop: new cart' };
const of = (subject: string, reverts: string[]) =>
  revertsOf([{ commit: 'c'.repeat(40), subject, reverts }], [a, b]).map((each) => each.of.subject);

test('a commit takes back what its message names by id, and all of it', () => {
  assert.deepEqual(of('undo', [b.commit, a.commit]), [b.subject, a.subject]);
});

test('the title that a forge gives the reverting pull request is enough', () => {
  assert.deepEqual(of('Revert "shop: new cart"', []), [b.subject]);
  assert.deepEqual(of('Revert "shop: new cart" (#31)', []), [b.subject]);
});

test('what takes back something that is not shipped is none, and a title counts where no id does', () => {
  assert.deepEqual(of('undo', ['d'.repeat(40)]), []);
  assert.deepEqual(of('Revert "another"', []), []);
  assert.deepEqual(of('Revert "shop: new cart"', [a.commit]), [a.subject]);
});
