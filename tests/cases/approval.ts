/**
 * A case for each clause and each boundary of the order of approvals in tests/vectors/README.md, in that order, and for
 * pairs of faults where the order decides.
 */
import { casesFrom, type OwnCase } from './case.ts';
import { credential, good, goodMira, leo, mira, promotion, world } from './approval/world.ts';
import { statements } from './approval/statements.ts';
import { credentials } from './approval/credentials.ts';
import { assertions } from './approval/assertions.ts';
import { securityKeys } from './approval/security-keys.ts';
import { set } from './approval/set.ts';
import { order } from './approval/order.ts';

/** Every case, good ones among them. */
export function approvalCases(): readonly OwnCase[] {
  return casesFrom(
    'approval',
    [...statements, ...credentials, ...assertions, ...securityKeys, ...set, ...order],
    {
      now: world.now.toISOString(),
      promotion,
      target: 'prod-eu',
      need: 2,
      requester: 'dana',
      authors: ['dana', 'kim'],
      usedNonces: [],
      credentials: [credential(leo), credential(mira)],
      approvals: [good, goodMira],
    },
  );
}
