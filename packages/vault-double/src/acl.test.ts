import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAllowed, parsePolicy } from './acl.ts';
import { ApiFailure, type Operation } from './api.ts';

function policy(rules: Record<string, string[]>) {
  const path = Object.fromEntries(
    Object.entries(rules).map(([pattern, capabilities]) => [pattern, { capabilities }]),
  );
  return parsePolicy(JSON.stringify({ path }));
}

const cases: [string, Record<string, string[]>[], string, Operation, boolean][] = [
  ['an exact path allows itself', [{ 'db/creds/a': ['read'] }], 'db/creds/a', 'read', true],
  ['and not what is below it', [{ 'db/creds/a': ['read'] }], 'db/creds/a/b', 'read', false],
  ['and not another capability', [{ 'db/creds/a': ['read'] }], 'db/creds/a', 'update', false],
  ['nothing said is denied', [{}], 'db/creds/a', 'read', false],
  ['a star matches every ending', [{ 'db/creds/*': ['read'] }], 'db/creds/a/b', 'read', true],
  ['a plus matches one segment', [{ 'db/+/a': ['read'] }], 'db/creds/a', 'read', true],
  ['and not two', [{ 'db/+/a': ['read'] }], 'db/x/y/a', 'read', false],
  ['plus and star together', [{ '+/creds/x*': ['read'] }], 'db/creds/xy', 'read', true],
  [
    'exact wins over star, also when it allows less',
    [{ 'db/*': ['read'], 'db/a': ['list'] }],
    'db/a',
    'read',
    false,
  ],
  [
    'the longer star wins',
    [{ 'db/*': ['read'], 'db/creds/*': ['list'] }],
    'db/creds/a',
    'read',
    false,
  ],
  [
    'a later wildcard wins over an earlier one',
    [{ '+/creds/a': ['read'], 'db/creds/*': ['list'] }],
    'db/creds/a',
    'read',
    false,
  ],
  [
    'the same path of two policies adds up',
    [{ 'db/a': ['list'] }, { 'db/a': ['read'] }],
    'db/a',
    'read',
    true,
  ],
  [
    'deny wins over another policy',
    [{ 'db/a': ['deny'] }, { 'db/a': ['read'] }],
    'db/a',
    'read',
    false,
  ],
  ['a list may leave out the slash', [{ 'db/roles': ['list'] }], 'db/roles/', 'list', true],
  [
    'a sweep by prefix needs sudo',
    [{ 'sys/leases/revoke-prefix/db': ['update'] }],
    'sys/leases/revoke-prefix/db',
    'update',
    false,
  ],
  [
    'and is allowed with it',
    [{ 'sys/leases/revoke-prefix/db': ['update', 'sudo'] }],
    'sys/leases/revoke-prefix/db',
    'update',
    true,
  ],
  [
    'looking one lease up needs none',
    [{ 'sys/leases/lookup': ['update'] }],
    'sys/leases/lookup',
    'update',
    true,
  ],
];
for (const [name, rules, path, operation, expected] of cases) {
  test(name, () => {
    const wish = { path, operation, parameters: {}, wrapSeconds: null };
    assert.equal(isAllowed(rules.map(policy), wish), expected);
  });
}

const malformed = [
  'path "a" { capabilities = ["read"] }',
  '{"path":{"a":{"capabilities":["fly"]}}}',
  '{"path":{"a":{"capabilities":["update"],"control_group":{}}}}',
  '{"path":{"a":{"capabilities":["update"],"allowed_parameters":{"data":[["x"]]}}}}',
  '{"path":{"a":{"capabilities":["read"],"min_wrapping_ttl":"20s","max_wrapping_ttl":"10s"}}}',
];
for (const text of malformed) {
  test(`the policy ${text} is refused and not half obeyed`, () => {
    assert.throws(() => parsePolicy(text), ApiFailure);
  });
}
