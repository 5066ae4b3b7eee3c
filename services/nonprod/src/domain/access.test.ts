import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupsFor, rolesOf } from './access.ts';

const mapping = { developers: 'developer', maintainers: 'developer' } as const;

test('groups are compared exactly, and what is not mapped gives nothing', () => {
  assert.deepEqual(rolesOf(['developers', 'maintainers'], mapping), ['developer']);
  assert.deepEqual(rolesOf(['Developers', 'developers ', 'constructor', '__proto__'], mapping), []);
  assert.deepEqual(groupsFor('developer', mapping), ['developers', 'maintainers']);
});
