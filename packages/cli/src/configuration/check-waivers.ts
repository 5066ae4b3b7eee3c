/** Whether break-glass and overrides can be carried through: people who approve them, and others who look at them afterwards. */
import { canApprove } from '@airlock/common/access/coalition';
import type { Seats } from '@airlock/common/approval/fill-seats';
import { stopRoles } from '@airlock/common/approval/lift';
import { explainSeats } from '@airlock/common/approval/match-rules';
import type { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import type { Finding, Say } from './findings.ts';

/** No role of the roster has this name: whoever may look at a delivery afterwards has it here. */
const reviewer = 'reviewer';

type Way = {
  /** Everything that is approved, by different people. */
  readonly rules: readonly Seats[];
  readonly rulesAt: readonly PropertyKey[];
  readonly never: string;
  readonly reviews: number;
  readonly reviewsAt: readonly PropertyKey[];
};

export function waiverFindings(
  people: Roster['people'],
  policy: TargetPolicy,
  say: Say,
): Finding[] {
  return waysOf(policy).flatMap((way) => findingsOf(people, way, say));
}

function waysOf({ breakGlass, windows, approvals }: TargetPolicy): Way[] {
  const ways: Way[] = [];
  if (breakGlass !== undefined) {
    ways.push({
      ...{ rules: breakGlass.approvals, rulesAt: ['breakGlass', 'approvals'] },
      never: 'nobody ever breaks the glass',
      ...{ reviews: breakGlass.review.count, reviewsAt: ['breakGlass', 'review', 'count'] },
    });
  }
  if (windows?.override !== undefined) {
    const { role, count } = windows.override;
    // Rules with a condition may not apply; the fewest that it can take.
    const ordinary = approvals.rules.filter(({ when }) => when === undefined);
    ways.push({
      ...{ rules: [...ordinary, { role, count }], rulesAt: ['windows', 'override', 'count'] },
      never: 'nothing ever passes outside the windows',
      ...{ reviews: 2, reviewsAt: ['windows', 'override', 'review'] },
    });
  }
  return ways;
}

function findingsOf(people: Roster['people'], way: Way, { fault, note }: Say): Finding[] {
  const missing = (rules: readonly Seats[], among: Roster['people']): number => {
    const present = among.map(({ id, roles }) => ({
      id,
      roles: roles.some((role) => stopRoles.includes(role)) ? [...roles, reviewer] : roles,
    }));
    const { have, need } = explainSeats(rules, { present, possible: [] });
    return need - have;
  };
  const toApprove = missing(way.rules, people);
  if (toApprove > 0) {
    const what = `its rules ask for ${toApprove} more people than roster.yaml has, so that ${way.never}; lower the counts or add people`;
    return [fault(way.rulesAt, what)];
  }
  const all = [...way.rules, { role: reviewer, count: way.reviews }];
  const beside = `beside those who approve, ${way.reviews} others of role ${stopRoles.join(', ')} must look at it`;
  const toReview = missing(all, people);
  if (toReview > 0) {
    const what = `${beside}, and roster.yaml lacks ${toReview}: every use would end in a freeze; add people`;
    return [fault(way.reviewsAt, what)];
  }
  return missing(all, people.filter(canApprove)) === 0
    ? []
    : [note(way.reviewsAt, `${beside}, and not enough of them have a passkey that counts yet`)];
}
