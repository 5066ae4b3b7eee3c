/** Whether break-glass can be carried through: people who approve it, and others who look at it afterwards. */
import { canApprove } from '@airlock/common/access/coalition';
import type { Seats } from '@airlock/common/approval/fill-seats';
import { stopRoles } from '@airlock/common/approval/lift';
import { explainSeats } from '@airlock/common/approval/match-rules';
import type { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import type { Finding, Say } from './findings.ts';

/** No role of the roster has this name: whoever may look at a delivery afterwards has it here. */
const reviewer = 'reviewer';

export function breakGlassFindings(
  people: Roster['people'],
  { breakGlass }: TargetPolicy,
  { fault, note }: Say,
): Finding[] {
  if (breakGlass === undefined) return [];
  const { approvals, review } = breakGlass;
  const missing = (rules: readonly Seats[], among: Roster['people']): number => {
    const present = among.map(({ id, roles }) => ({
      id,
      roles: roles.some((role) => stopRoles.includes(role)) ? [...roles, reviewer] : roles,
    }));
    const { have, need } = explainSeats(rules, { present, possible: [] });
    return need - have;
  };
  const toApprove = missing(approvals, people);
  if (toApprove > 0) {
    const what = `its rules ask for ${toApprove} more people than roster.yaml has, so that nobody ever breaks the glass; lower the counts or add people`;
    return [fault(['breakGlass', 'approvals'], what)];
  }
  const all = [...approvals, { role: reviewer, count: review.count }];
  const at = ['breakGlass', 'review', 'count'];
  const beside = `beside those who approve, ${review.count} others of role ${stopRoles.join(', ')} must look at it`;
  const toReview = missing(all, people);
  if (toReview > 0) {
    const what = `${beside}, and roster.yaml lacks ${toReview}: every use would end in a freeze; add people`;
    return [fault(at, what)];
  }
  return missing(all, people.filter(canApprove)) === 0
    ? []
    : [note(at, `${beside}, and not enough of them have a passkey that counts yet`)];
}
