import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import { audienceOf, type AudienceFacts } from './news-audience.ts';
import { newsTypes } from './news.ts';

const person = (id: string, roles: Roster['people'][number]['roles'], mail = true) => ({
  ...{ id, name: id, nameId: `${id}@idp.example`, roles, gitEmails: [`${id}@git.example`] },
  ...(mail && { mail: `${id}@example.com` }),
});
const roster: Roster = {
  version: 1,
  people: [
    person('mira', ['release-manager']),
    person('leo', ['release-manager']),
    person('yun', ['release-manager'], false),
    person('dana', ['developer', 'release-manager']),
    person('pat', ['platform']),
    person('aud', ['auditor']),
  ],
  commitKeys: [],
  acceptedMains: [],
};
// The members that an audience depends on.
const policy = {
  approvals: { rules: [{ role: 'release-manager', count: 2 }], exclude: [], expires: 1 },
  notify: {
    ...{ channels: ['chat'], remindAfter: [], expiryNotice: 1 },
    escalate: { after: 1, role: 'platform' },
  },
} as unknown as TargetPolicy;

const told = (facts: Partial<AudienceFacts>): string[] =>
  audienceOf({
    ...{ type: 'promotion.waits', actor: null, roster, policy, approvedBy: [], followers: [] },
    remarkedBy: [],
    promotion: { requester: 'dana@idp.example', emails: ['dana@git.example'], editors: [] },
    rules: policy.approvals.rules,
    ...{ quiet: new Set<string>(), always: [] },
    ...facts,
  })
    .map(({ channel, person: who }) => who ?? `#${channel}`)
    .sort();

describe('who is told', () => {
  test('that a promotion waits: those who may decide and have an address, and the channel', () => {
    assert.deepEqual(told({}), ['#chat', 'leo', 'mira']);
  });

  test('a reminder: not who approved already', () => {
    assert.deepEqual(told({ type: 'promotion.reminder', approvedBy: ['mira'] }), ['#chat', 'leo']);
  });

  test('an escalation: the role that the target file names, and nobody where it names none', () => {
    assert.deepEqual(told({ type: 'promotion.escalated' }), ['#chat', 'pat']);
    const silent = { ...policy, notify: undefined };
    assert.deepEqual(told({ type: 'promotion.escalated', policy: silent }), []);
  });

  test('how it ended: whoever was told that it waits, and not who did it', () => {
    const ended = { followers: ['mira', 'leo'], actor: 'leo' };
    assert.deepEqual(told({ type: 'promotion.rejected', ...ended }), ['#chat', 'mira']);
    assert.deepEqual(told({ type: 'delivery.live', ...ended, actor: null }), [
      ...['#chat', 'leo', 'mira'],
    ]);
  });

  test('a remark: who asked for the promotion, who approved it, and deciders who wrote one', () => {
    const asked = { type: 'promotion.asked' } as const;
    assert.deepEqual(told(asked), ['#chat', 'dana']);
    assert.deepEqual(told({ ...asked, approvedBy: ['mira'], remarkedBy: ['leo', 'aud'] }), [
      ...['#chat', 'dana', 'leo', 'mira'],
    ]);
    assert.deepEqual(told({ ...asked, remarkedBy: ['leo'], actor: 'leo' }), ['#chat', 'dana']);
    const stranger = { requester: 'eve@idp.example', emails: [], editors: [] };
    assert.deepEqual(told({ ...asked, promotion: stranger }), ['#chat']);
  });

  test('a freeze: platform and release managers; a break-glass: auditors too', () => {
    const gate = { policy: null, promotion: null };
    assert.deepEqual(told({ type: 'gate.frozen', ...gate }), ['dana', 'leo', 'mira', 'pat']);
    assert.deepEqual(told({ type: 'break-glass.used', ...gate }), [
      ...['aud', 'dana', 'leo', 'mira', 'pat'],
    ]);
  });

  test('nobody who chose no mail, of whatever it is', () => {
    const quiet = new Set(roster.people.map(({ id }) => id));
    for (const type of newsTypes) {
      const people = told({ type, quiet, followers: ['mira'] }).filter((who) => who[0] !== '#');
      assert.deepEqual(people, [], type);
    }
  });

  test('a channel that hears everything hears every kind, once', () => {
    for (const type of newsTypes) {
      const channels = told({ type, always: ['hub', 'chat'] }).filter((who) => who[0] === '#');
      assert.deepEqual(channels, ['#chat', '#hub'], type);
    }
  });
});
