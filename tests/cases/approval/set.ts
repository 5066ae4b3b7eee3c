/** The rules over the set of approvals. */
import type { ApprovalEvidence } from '@airlock/common/approval/verify-approvals';
import type { CaseTable } from '../case.ts';
import { approve, credential, good, goodMira, leo, mira, noor, person } from './world.ts';

const secondOfLeo = person('leo', 'p256', { id: 'cred-leo-2' });

const withNoor = { credentials: [credential(leo), credential(mira), credential(noor)] };
const manager = { role: 'release-manager', count: 1 };
const security = { role: 'security', count: 1 };
const both = person('both', 'ed25519', { roles: ['release-manager', 'security'] });
const sam = person('sam', 'ed25519', { roles: ['security'] });
const dev = person('dev', 'ed25519', { roles: ['developer'] });
const withBoth = {
  approvals: [goodMira, approve(sam)],
  credentials: [credential(leo), credential(mira), credential(both), credential(sam)],
};
const crowd = Array.from({ length: 65 }, (_, index) => person(`p${index}`, 'ed25519'));

export const set: CaseTable = [
  [
    'approvals of a promotion, where a return is asked for',
    'E_APPROVAL_DECISION',
    { decision: 'rollback' },
  ],
  [
    'one approval of a return beside one of a promotion',
    'E_APPROVAL_DECISION',
    {
      approvals: [approve(leo, { statement: { decision: 'rollback' } }), goodMira],
      decision: 'rollback',
    },
  ],
  [
    'approvals of a return, where a promotion is asked for',
    'E_APPROVAL_DECISION',
    {
      approvals: [leo, mira].map((by) => approve(by, { statement: { decision: 'rollback' } })),
    },
  ],
  [
    'two approvals of a return that is asked for',
    'OK',
    {
      approvals: [leo, mira].map((by) => approve(by, { statement: { decision: 'rollback' } })),
      decision: 'rollback',
    },
  ],
  ['the requester', 'E_APPROVAL_SELF', { requester: 'leo' }],
  [
    'the requester beside two others',
    'E_APPROVAL_SELF',
    { approvals: [good, goodMira, approve(noor)], requester: 'noor', ...withNoor },
  ],
  ['an author', 'E_APPROVAL_AUTHOR', { authors: ['mira'] }],
  [
    'the requester who is also an author',
    'E_APPROVAL_SELF',
    { requester: 'leo', authors: ['leo'] },
  ],
  [
    'an author first and the requester second',
    'E_APPROVAL_SELF',
    { requester: 'mira', authors: ['leo'] },
  ],
  [
    'an author second and a person twice',
    'E_APPROVAL_AUTHOR',
    { approvals: [good, good, goodMira], authors: ['mira'] },
  ],
  ['a policy editor', 'E_APPROVAL_EDITOR', { editors: ['mira'] }],
  [
    'an author who is also a policy editor',
    'E_APPROVAL_AUTHOR',
    { authors: ['mira'], editors: ['mira'] },
  ],
  [
    'a policy editor second and a person twice',
    'E_APPROVAL_EDITOR',
    { approvals: [good, good, goodMira], editors: ['mira'] },
  ],
  ['two rules and a person for each', 'OK', { rules: [manager, security], ...withBoth }],
  [
    'two rules whose first person has both roles and moves over',
    'OK',
    { rules: [manager, security], ...withBoth, approvals: [approve(both), goodMira] },
  ],
  [
    'two rules and one person with both roles',
    'E_APPROVAL_THRESHOLD',
    { rules: [manager, security], ...withBoth, approvals: [approve(both)] },
  ],
  [
    'two rules and two people for the same one',
    'E_APPROVAL_THRESHOLD',
    { rules: [manager, security], approvals: [good, goodMira] },
  ],
  [
    'a role that no rule asks for',
    'E_APPROVAL_ROLE',
    { rules: [security, { role: 'platform', count: 1 }] },
  ],
  [
    'a developer beside two who may',
    'E_APPROVAL_ROLE',
    {
      approvals: [good, goodMira, approve(dev)],
      credentials: [credential(leo), credential(mira), credential(dev)],
    },
  ],
  [
    'three people of whom only one can move over',
    'OK',
    {
      rules: [{ ...manager, count: 2 }, security],
      ...withBoth,
      approvals: [approve(both), goodMira, good],
    },
  ],
  ['no rule', 'E_APPROVAL_THRESHOLD', { rules: [], approvals: [] }],
  [
    'a rule of nobody beside a good one',
    'E_APPROVAL_THRESHOLD',
    {
      rules: [
        { ...manager, count: 2 },
        { ...security, count: 0 },
      ],
    },
  ],
  [
    'one person with two passkeys',
    'E_APPROVAL_DUP',
    {
      approvals: [good, approve(secondOfLeo, { statement: { nonce: 'n2' } })],
      credentials: [credential(leo), credential(secondOfLeo), credential(mira)],
    },
  ],
  [
    'one passkey twice',
    'E_APPROVAL_DUP',
    { approvals: [good, approve(leo, { statement: { nonce: 'n2' } })] },
  ],
  [
    'one passkey twice beside another person',
    'E_APPROVAL_DUP',
    { approvals: [good, goodMira, approve(leo, { statement: { nonce: 'n2' } })] },
  ],
  ['one of two', 'E_APPROVAL_THRESHOLD', { approvals: [good] }],
  ['none of one', 'E_APPROVAL_THRESHOLD', { approvals: [], need: 1 }],
  ['two of three', 'E_APPROVAL_THRESHOLD', { need: 3 }],
  ['two of one', 'OK', { need: 1 }],
  ['three of two', 'OK', { approvals: [good, goodMira, approve(noor)], ...withNoor }],
  [
    'sixty-four approvals of which one is a repetition',
    'E_APPROVAL_DUP',
    { approvals: Array<ApprovalEvidence>(64).fill(good) },
  ],
  [
    'sixty-five approvals by as many people',
    'E_APPROVAL_COUNT',
    {
      approvals: crowd.map((each) => approve(each)),
      credentials: crowd.map((each) => credential(each)),
    },
  ],
  [
    'sixty-five approvals',
    'E_APPROVAL_COUNT',
    { approvals: Array<ApprovalEvidence>(65).fill(good) },
  ],
];
