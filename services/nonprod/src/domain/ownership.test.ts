import assert from 'node:assert/strict';
import { test } from 'node:test';
import { can, type Owners, type Verb } from './ownership.ts';

const people = {
  owner: { groups: ['all', 'web'], roles: ['developer'] },
  launcher: { groups: ['support'], roles: ['developer'] },
  other: { groups: ['Web', 'web ', 'billing'], roles: ['developer'] },
  nobody: { groups: [], roles: [] },
  platform: { groups: ['platform'], roles: ['platform'] },
} as const;
const repositories: Readonly<Record<string, Owners>> = {
  owned: { own: ['web'], launch: [] },
  launched: { own: ['web'], launch: ['support'] },
  'launched only': { own: [], launch: ['support'] },
  unowned: { own: [], launch: [] },
};

test('who may start and edit what: every person, verb and kind of repository', () => {
  const allowed: string[] = [];
  for (const [repository, owners] of Object.entries(repositories)) {
    for (const verb of ['start', 'edit'] satisfies Verb[]) {
      const who = Object.entries(people).filter(
        ([, person]) => can(person, verb, owners).kind === 'allowed',
      );
      allowed.push(`${verb} ${repository}: ${who.map(([name]) => name).join(' ')}`);
    }
  }
  assert.deepEqual(allowed, [
    'start owned: owner platform',
    'edit owned: owner platform',
    'start launched: owner launcher platform',
    'edit launched: owner platform',
    'start launched only: launcher platform',
    'edit launched only: platform',
    'start unowned: owner launcher other nobody platform',
    'edit unowned: owner launcher other nobody platform',
  ]);
});

test('a refusal names the groups that would be let in', () => {
  const launched = { own: ['web'], launch: ['support'] };
  assert.deepEqual(can(people.other, 'start', launched), {
    kind: 'refused',
    needs: ['web', 'support'],
  });
  assert.deepEqual(can(people.launcher, 'edit', launched), { kind: 'refused', needs: ['web'] });
});
