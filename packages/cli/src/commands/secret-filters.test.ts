import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { filtersFrom, withFilters, type FilterOptions } from './secret-filters.ts';

function filters(...args: string[]): Record<string, unknown> {
  const command = withFilters(new Command('readers')).exitOverride();
  command.configureOutput({ writeErr: () => undefined });
  return filtersFrom(command.parse(args, { from: 'user' }).opts<FilterOptions>());
}

test('what is not named is not changed', () => {
  assert.deepEqual(filters(), {});
});

test('every filter can be named, and taken back', () => {
  assert.deepEqual(
    filters(
      ...['--event', 'push', 'tag', '--branch', 'main', 'refs/tags/v*', '--image', 'plugins/npm'],
      ...['--label', 'team=web', 'zone=eu'],
      ...['--no-protected-only', '--trust', '3', '--released'],
      ...['--expires', '2027-01-31', '--rotate-every', '90'],
    ),
    {
      events: ['push', 'tag'],
      refs: ['main', 'refs/tags/v*'],
      images: ['plugins/npm'],
      labels: ['team=web', 'zone=eu'],
      protectedOnly: false,
      leastTrust: 3,
      approvedOnly: true,
      expiresAt: '2027-01-31T23:59:59Z',
      rotateEveryDays: 90,
    },
  );
  const back = ['--branch', '', '--image', '', '--label', '', '--protected-only', '--no-released'];
  assert.deepEqual(filters(...back, '--expires', 'never', '--rotate-every', 'never'), {
    refs: [],
    images: [],
    labels: [],
    protectedOnly: true,
    approvedOnly: false,
    expiresAt: null,
    rotateEveryDays: null,
  });
});

test('what is no day and no number is refused', () => {
  for (const args of [
    ['--expires', 'soon'],
    ['--rotate-every', '-1'],
    ['--trust', 'high'],
  ]) {
    assert.throws(() => filters(...args), { code: 'commander.invalidArgument' });
  }
});
