import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  daysOverdue,
  newSecretFilters,
  refusalOfUnknown,
  refusalsToRead,
  SecretFilters,
  type ReadingRun,
  type ReadingStep,
} from './secret-filter.ts';

const now = new Date('2026-11-22T12:00:00Z');
const main: ReadingRun = {
  event: 'push',
  ref: 'refs/heads/main',
  branch: 'main',
  isProtected: true,
  isStrangers: false,
  isReleased: false,
  pool: { name: 'trusted', trust: 3 },
};
const feature = { ref: 'refs/heads/feature/x', branch: 'feature/x', isProtected: false };
const tag = { event: 'tag', ref: 'refs/tags/v1.2', branch: 'main' };
const pull = { event: 'pull_request', ref: 'refs/pull/7/head', branch: 'main', isProtected: false };
const fork = { ...pull, isStrangers: true };
const commands: ReadingStep = { name: 'test', image: 'node:24', kind: 'commands' };
const plugin: ReadingStep = { name: 'publish', image: 'plugins/npm:2', kind: 'plugin' };

const rules = (
  filters: object,
  run: Partial<ReadingRun> = {},
  step: ReadingStep = commands,
): string[] =>
  refusalsToRead(
    { name: 'NPM', filters: SecretFilters.parse(filters) },
    { run: { ...main, ...run }, step, now },
  ).map(({ rule }) => rule);

const open = { events: ['push', 'pull_request', 'tag'], protectedOnly: false, leastTrust: 0 };

const cases: [string, object, Partial<ReadingRun>, ReadingStep, string[]][] = [
  ['a new secret is for pushes to protected branches', {}, {}, commands, []],
  ['… in pools of trust 2', {}, { pool: { name: 'p', trust: 2 } }, commands, []],
  ['… and not of trust 1', {}, { pool: { name: 'p', trust: 1 } }, commands, ['pool-trust']],
  ['… and for no other branch', {}, feature, commands, ['protected-ref']],
  ['… and for no pull request', {}, pull, commands, ['event', 'protected-ref']],
  ['… and for no tag', {}, tag, commands, ['event']],
  ['a fork reads nothing, whatever the filters', open, fork, commands, ['stranger']],
  ['a pull request reads what is for it', open, pull, commands, []],
  ['a branch by name', { refs: ['main'] }, {}, commands, []],
  ['another branch', { refs: ['main'], protectedOnly: false }, feature, commands, ['ref']],
  ['a branch by glob', { refs: ['feature/*'], protectedOnly: false }, feature, commands, []],
  ['* stays in its part', { refs: ['f*'], protectedOnly: false }, feature, commands, ['ref']],
  ['a tag by its whole ref', { events: ['tag'], refs: ['refs/tags/v*'] }, tag, commands, []],
  ['a tag is no branch', { events: ['tag'], refs: ['main'] }, tag, commands, ['ref']],
  ['a pull request goes by its base', { ...open, refs: ['main'] }, pull, commands, []],
  ['a plugin of the image', { images: ['plugins/npm'] }, {}, plugin, []],
  ['a plugin of the image and tag', { images: ['plugins/npm:2'] }, {}, plugin, []],
  ['another tag', { images: ['plugins/npm:3'] }, {}, plugin, ['image']],
  ['another image', { images: ['plugins/s3'] }, {}, plugin, ['image']],
  ['an image that ends alike', { images: ['npm'] }, {}, plugin, ['image']],
  ['commands in a listed image', { images: ['node'] }, {}, commands, ['image']],
  [
    'an image that a variable chooses',
    { images: ['**'] },
    {},
    { ...plugin, image: '${IMAGE}' },
    ['image'],
  ],
  ['released', { approvedOnly: true }, { isReleased: true }, commands, []],
  ['not released', { approvedOnly: true }, {}, commands, ['released']],
  ['not expired yet', { expiresAt: '2026-11-22T12:00:01Z' }, {}, commands, []],
  ['expired this moment', { expiresAt: '2026-11-22T12:00:00Z' }, {}, commands, ['expired']],
  [
    'every rule that refuses is told at once',
    { refs: ['release/*'], images: ['plugins/npm'], approvedOnly: true },
    { ...feature, event: 'cron', pool: { name: 'open', trust: 0 } },
    commands,
    ['event', 'ref', 'protected-ref', 'image', 'pool-trust', 'released'],
  ],
];
for (const [claim, filters, run, step, expected] of cases) {
  test(`${claim}: ${expected.length === 0 ? 'may read it' : `refused by ${expected.join(', ')}`}`, () => {
    assert.deepEqual(rules(filters, run, step), expected);
  });
}

test('a refusal says which secret, which rule, and where it is changed', () => {
  const [refusal] = refusalsToRead(
    { name: 'NPM', filters: newSecretFilters },
    { run: { ...main, ...feature }, step: commands, now },
  );
  assert.equal(
    refusal?.text,
    'secret NPM is for protected branches and tags, and feature/x is none; protect it, or whoever has the platform role changes that on its page, /secrets/NPM',
  );
});

test('a stranger is not told whether a secret exists', () => {
  const run = { ...main, ...fork };
  const known = refusalsToRead(
    { name: 'NPM', filters: newSecretFilters },
    { run, step: commands, now },
  );
  assert.deepEqual([refusalOfUnknown('NPM', { run, project: 'shop/web' })], known);
  assert.equal(refusalOfUnknown('NPM', { run: main, project: 'shop/web' }).rule, 'not-set');
});

test('filters that can let nobody in are refused: protected refs for pull requests', () => {
  const both = { events: ['push', 'pull_request'] };
  assert.equal(SecretFilters.safeParse(both).success, false);
  assert.equal(SecretFilters.safeParse({ ...both, protectedOnly: false }).success, true);
  assert.equal(SecretFilters.safeParse({ events: [] }).success, false);
});

test('a value is overdue after so many days, and without a schedule never', () => {
  const setAt = new Date('2026-11-01T12:00:00Z');
  assert.equal(daysOverdue({ rotateEveryDays: 21 }, setAt, now), null);
  assert.equal(daysOverdue({ rotateEveryDays: 20 }, setAt, now), 1);
  assert.equal(daysOverdue({ rotateEveryDays: null }, new Date(0), now), null);
});
