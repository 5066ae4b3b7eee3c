import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOffered, offeredTo, RepositoryLabel } from './labels.ts';

const secret = (project: string, name: string, ...labels: string[]) => ({
  ...{ project, name },
  filters: { labels },
});
const repository = (name: string, ...labels: string[]) => ({ name, labels });

const cases = [
  ['a secret without labels is for its own repository', [], 'shop/web', [], true],
  ['… and for no other, whatever that is called', [], 'shop/api', ['team=web'], false],
  [
    'one with labels is for a repository that has them',
    ['team=web'],
    'shop/api',
    ['team=web'],
    true,
  ],
  ['… and still for its own, which has none', ['team=web'], 'shop/web', [], true],
  ['one of two labels is not enough', ['team=web', 'zone=eu'], 'shop/api', ['team=web'], false],
  ['more than it asks for is', ['team=web'], 'shop/api', ['zone=eu', 'team=web'], true],
  ['another value is another label', ['team=web'], 'shop/api', ['team=web2'], false],
  ['labels are compared exactly', ['team=web'], 'shop/api', ['team=Web', 'Team=web'], false],
] as const;
for (const [claim, wanted, name, labels, expected] of cases) {
  test(claim, () => {
    const offered = isOffered(secret('shop/web', 'NPM', ...wanted), repository(name, ...labels));
    assert.equal(offered, expected);
  });
}

test('a repository’s own secret comes before another’s of that name, and among others’ the order is fixed', () => {
  const own = secret('shop/api', 'NPM');
  const one = secret('shop/a', 'NPM', 'team=web');
  const two = secret('shop/b', 'NPM', 'team=web');
  const api = repository('shop/api', 'team=web');
  for (const all of [
    [one, own, two],
    [two, one, own],
  ]) {
    assert.deepEqual(offeredTo(api, all), [own]);
    assert.deepEqual(offeredTo(repository('shop/x', 'team=web'), all), [one]);
    assert.deepEqual(offeredTo(repository('shop/x'), all), []);
  }
});

test('a label is a name and a value', () => {
  for (const good of ['team=web', 'cost-centre=4711']) RepositoryLabel.parse(good);
  for (const bad of ['team', '=web', 'team=', 'team=*', 'team=a b', 'Team=web', 'a=b=c']) {
    assert.equal(RepositoryLabel.safeParse(bad).success, false, bad);
  }
});
