import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demandOf, missingGroups, type GroupRequired } from './group-required.ts';

const required: GroupRequired = {
  secret: { edit: ['security'], delete: [] },
  run: { start: ['developers', 'support'] },
  pool: {},
};

const cases = [
  ['whoever is in the group may', 'secret', 'edit', ['security'], null],
  ['one of several is enough', 'run', 'start', ['x', 'support'], null],
  ['whoever is in none is told which', 'run', 'start', ['x'], ['developers', 'support']],
  ['an empty list lets nobody', 'secret', 'delete', ['security', 'platform'], []],
  ['a verb that is not named is left alone', 'secret', 'view', [], null],
  ['a noun without verbs is left alone', 'pool', 'edit', [], null],
  ['a noun that is not named is left alone', 'runner', 'delete', [], null],
  ['names are compared exactly', 'secret', 'edit', ['Security', 'security '], ['security']],
] as const;

for (const [claim, noun, action, groups, missing] of cases) {
  test(claim, () => {
    assert.deepEqual(missingGroups(required, { noun, action }, groups), missing);
  });
}

const routes = [
  ['get / show-runs', 'run', 'list'],
  ['get /runs/:id/log.txt read-log', 'run', 'view'],
  ['post /api/v1/runs start-run', 'run', 'start'],
  ['post /runs/:id/retry retry-run-by-form', 'run', 'start'],
  ['post /runs/:id/cancel cancel-run-by-form', 'run', 'stop'],
  ['post /candidates/:id/promotions ask-promotion-by-form', 'promotion', 'create'],
  ['get /repos/*repository show-repository', 'repository', 'view'],
  ['post /api/v1/repositories add-repository', 'repository', 'create'],
  ['get /found show-found-repositories', 'repository', 'list'],
  ['post /found pick-repository-by-form', 'repository', 'create'],
  ['post /api/v1/found-repositories pick-repository', 'repository', 'create'],
  ['put /api/v1/owners set-owners', 'group', 'edit'],
  ['post /secrets/:name/erase erase-secret-by-form', 'secret', 'delete'],
  ['post /me/tokens make-token-by-form', 'token', 'create'],
  ['get /api/v1/me show-me', 'installation', 'list'],
  ['post /constructor toString', 'installation', 'edit'],
] as const;

for (const [line, noun, action] of routes) {
  test(`${line} is ${action} of ${noun}`, () => {
    const [method = '', path = '', name = ''] = line.split(' ');
    assert.deepEqual(demandOf({ method, path, name }), { noun, action });
  });
}
