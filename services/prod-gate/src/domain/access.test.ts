import { personOfRequester } from '@airlock/common/approval/count-approvals';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Roster, type TargetPolicy } from '@airlock/common/policy/target-policy';
import { eligibleApprovers, mayReject, standingOf, type Nearness } from './access.ts';
import { mayStart } from './manual-start.ts';
import { peopleOfEmails, personByNameId } from './roster.ts';

const roster = Roster.parse({
  version: 1,
  people: [
    person('dana', ['developer']),
    person('leo', ['release-manager', 'developer']),
    person('mira', ['release-manager']),
    person('sam', ['security']),
  ],
});

function person(id: string, roles: string[]) {
  return {
    id,
    name: id,
    nameId: `${id}@idp.example`,
    roles,
    gitEmails: [`${id}@example.com`],
  };
}

// Only the rule is read here; the rest of a target file has its own tests.
const policy = {
  approvals: { rules: [{ role: 'release-manager', count: 2 }] },
} as TargetPolicy;

const promotion = { requester: 'dana@idp.example', emails: ['dana@example.com'], editors: [] };
const named = (id: string) => {
  const found = roster.people.find((one) => one.id === id);
  assert.ok(found);
  return found;
};
const standing = (id: string, near: Nearness = promotion) =>
  standingOf(named(id), { rules: policy.approvals.rules, roster, promotion: near });

test('somebody with the role who stands far enough away may decide', () => {
  assert.deepEqual(standing('mira'), { may: true });
});

test('without the role nobody decides, whatever else they are', () => {
  assert.deepEqual(standing('dana'), {
    may: false,
    why: 'role-missing',
    roles: ['release-manager'],
  });
});

test('the requester never counts, by NameID as by roster id', () => {
  for (const requester of ['leo@idp.example', 'leo']) {
    assert.deepEqual(standing('leo', { ...promotion, requester }), {
      may: false,
      why: 'requester',
    });
  }
});

test('authors and committers never count', () => {
  const emails = ['dana@example.com', 'leo@example.com'];
  assert.deepEqual(standing('leo', { ...promotion, emails }), { may: false, why: 'author' });
});

test('who signed the configuration since does not count where the document names them', () => {
  const editors = ['leo'];
  assert.deepEqual(standing('leo', { ...promotion, editors }), { may: false, why: 'editor' });
});

test('the eligible are exactly those who may decide', () => {
  const near = { ...promotion, emails: ['leo@example.com'] };
  const found = eligibleApprovers({
    rules: policy.approvals.rules,
    ...{ roster, promotion: near },
  });
  assert.deepEqual(
    found.map(({ id }) => id),
    ['mira'],
  );
});

test('an author may stop what they may not approve', () => {
  assert.equal(mayReject(named('leo'), policy), true);
  assert.equal(mayReject(named('dana'), policy), false);
});

test('security says no to any release, and neither approves nor starts one that no rule asks them about', () => {
  assert.equal(mayReject(named('sam'), policy), true);
  assert.equal(mayStart(named('sam'), policy), false);
  assert.equal(standing('sam').may, false);
  const asked = { rules: [...policy.approvals.rules, { role: 'security', count: 1 }] };
  const given = { ...asked, ...{ roster, promotion } };
  assert.equal(standingOf(named('sam'), given).may, true);
});

test('an address of nobody is named, so that it cannot be an approver in disguise', () => {
  assert.deepEqual(peopleOfEmails(roster, ['Leo@example.com', 'mira@example.com']), {
    people: ['mira'],
    unmapped: ['Leo@example.com'],
  });
});

test('identities are compared exactly', () => {
  assert.equal(personByNameId(roster, 'LEO@idp.example'), null);
  assert.equal(personByNameId(roster, 'leo@idp.example')?.id, 'leo');
  assert.equal(personOfRequester(roster, 'leo@idp.example.evil'), null);
});
