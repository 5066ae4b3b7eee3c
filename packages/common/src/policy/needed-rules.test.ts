import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decidingRolesOf, rulesAsked } from './needed-rules.ts';

const changes = { base: null, commitCount: 1, emails: [], fileCount: 0, files: [] };
const release = {
  ...{ release: '2026.11.22-1', repository: 'https://git.example/app.git' },
  ...{ subject: 'app.tar.gz', requester: 'dana', waiver: null },
};
const two = { role: 'release-manager', count: 2 } as const;
const one = { role: 'security', count: 1 } as const;
const withReturn = { approvals: { rules: [two] }, rollback: { approvals: one } };

test('a return is held to rollback.approvals, and nothing else is', () => {
  assert.deepEqual(rulesAsked(withReturn, changes, { ...release, isReturn: true }), [one]);
  assert.deepEqual(rulesAsked(withReturn, changes, { ...release, isReturn: false }), [two]);
});

test('without rollback.approvals a return is held to the rules of every promotion', () => {
  for (const rollback of [undefined, {}]) {
    const policy = { approvals: { rules: [two] }, rollback };
    assert.deepEqual(rulesAsked(policy, changes, { ...release, isReturn: true }), [two]);
  }
});

test('whoever decides about returns alone decides, too', () => {
  assert.deepEqual(decidingRolesOf(withReturn), ['release-manager', 'security']);
  assert.deepEqual(decidingRolesOf({ approvals: { rules: [two, two] } }), ['release-manager']);
});

test('break-glass is held to its own rules, also on a return, and to none where the file opens none', () => {
  const broken = { ...release, waiver: 'break-glass' } as const;
  const opened = { ...withReturn, breakGlass: { approvals: [one] } };
  for (const isReturn of [true, false]) {
    assert.deepEqual(rulesAsked(opened, changes, { ...broken, isReturn }), [one]);
    assert.deepEqual(rulesAsked(withReturn, changes, { ...broken, isReturn }), []);
  }
  assert.deepEqual(rulesAsked(opened, changes, { ...release, isReturn: false }), [two]);
  assert.deepEqual(
    decidingRolesOf({ approvals: { rules: [two] }, breakGlass: { approvals: [one] } }),
    ['release-manager', 'security'],
  );
});

test('an override is held to its own rule beside the others, also on a return, and to none where the file opens none', () => {
  const asked = { ...release, waiver: 'override' } as const;
  const overridden = { ...withReturn, windows: { override: { ...two, review: 60 } } };
  assert.deepEqual(rulesAsked(overridden, changes, { ...asked, isReturn: false }), [two, two]);
  assert.deepEqual(rulesAsked(overridden, changes, { ...asked, isReturn: true }), [one, two]);
  for (const windows of [undefined, {}]) {
    assert.deepEqual(
      rulesAsked({ ...withReturn, windows }, changes, { ...asked, isReturn: false }),
      [],
    );
  }
  // What the file opens changes nothing for a document that does not ask for it.
  assert.deepEqual(rulesAsked(overridden, changes, { ...release, isReturn: false }), [two]);
  const both = { ...overridden, breakGlass: { approvals: [one] } };
  const broken = { ...release, waiver: 'break-glass' } as const;
  assert.deepEqual(rulesAsked(both, changes, { ...broken, isReturn: false }), [one]);
  assert.deepEqual(decidingRolesOf({ approvals: { rules: [two] }, windows: { override: one } }), [
    'release-manager',
    'security',
  ]);
});
