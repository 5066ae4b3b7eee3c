/** What a new target file would have changed for promotions that are over: stricter, looser, or nothing. */
import type { Seats } from '@airlock/common/approval/fill-seats';
import type { NeededRule } from '@airlock/common/policy/target-approvals';
import { windowState } from '@airlock/common/policy/target-windows-state';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import { judgePast, seatsOf, type Judgement, type JudgedBy, type ReplayReason } from './judge.ts';
import type { PastPromotion } from './past-promotions.ts';

export type ReplayChange = { readonly direction: 'stricter' | 'looser'; readonly text: string };

export type ReplayRow = {
  readonly promotion: string;
  readonly release: string;
  /** RFC 3339: its delivery's start, its end without one, or now. */
  readonly at: string;
  /** `looser` where any change is: one gap is not made good by a wall elsewhere. */
  readonly kind: 'same' | 'stricter' | 'looser';
  readonly happened: {
    readonly state: string;
    readonly isDelivered: boolean;
    /** Null in documents of a gate that did not write them down. */
    readonly rules: readonly Seats[] | null;
    readonly approvedBy: readonly string[];
  };
  readonly replayed: {
    readonly passes: boolean;
    readonly rules: readonly NeededRule[];
    readonly reasons: readonly ReplayReason[];
    /** A smallest group whose approvals were missing; empty where none were, null where nobody's would do. */
    readonly missing: readonly string[] | null;
  };
  readonly changes: readonly ReplayChange[];
};

export type ReplayReport = {
  readonly promotions: number;
  readonly same: number;
  readonly stricter: number;
  readonly looser: number;
  readonly rows: readonly ReplayRow[];
};

/** @param given.inForce the target file that decides now, with its digest; null where there is none. */
export function replay(
  promotions: readonly PastPromotion[],
  given: JudgedBy & {
    readonly inForce: { readonly policy: TargetPolicy; readonly digest: string } | null;
  },
): ReplayReport {
  const rows = promotions.map((past) => rowOf(past, given));
  const count = (kind: ReplayRow['kind']): number => rows.filter((row) => row.kind === kind).length;
  return {
    ...{ promotions: rows.length, same: count('same'), stricter: count('stricter') },
    ...{ looser: count('looser'), rows },
  };
}

function rowOf(past: PastPromotion, given: Parameters<typeof replay>[1]): ReplayRow {
  const judged = judgePast(past, given);
  // What else than its rules was asked of it then is known only of the file that it was judged by.
  const then = given.inForce?.digest === past.document.policy ? given.inForce.policy : null;
  const changes = [
    ...ruleChanges(past, judged),
    ...excludedChanges(past, given.policy),
    ...passChanges(past, judged, { ...given, then }),
    ...(then === null ? [] : requirementChanges(past, judged, { ...given, then })),
  ];
  const has = (direction: ReplayChange['direction']): boolean =>
    changes.some((change) => change.direction === direction);
  return {
    ...{ promotion: past.id, release: past.release, at: past.at.toISOString() },
    kind: has('looser') ? 'looser' : has('stricter') ? 'stricter' : 'same',
    happened: {
      ...{ state: past.state, isDelivered: past.startedAt !== null },
      rules: past.document.rules ?? null,
      approvedBy: past.approvals.map(({ person }) => person),
    },
    replayed: {
      passes: judged.reasons.length === 0 && past.rejectedBy === null,
      rules: judged.rules,
      reasons: judged.reasons,
      missing: judged.seats.enough,
    },
    changes,
  };
}

const stricter = (text: string): ReplayChange => ({ direction: 'stricter', text });
const looser = (text: string): ReplayChange => ({ direction: 'looser', text });

const seatsByRole = (rules: readonly { role: string; count: number }[]): Map<string, number> => {
  const seats = new Map<string, number>();
  for (const { role, count } of rules) seats.set(role, (seats.get(role) ?? 0) + count);
  return seats;
};

function ruleChanges(past: PastPromotion, judged: Judgement): ReplayChange[] {
  if (past.document.rules === undefined) return [];
  const [was, would] = [seatsByRole(past.document.rules), seatsByRole(judged.rules)];
  return [...new Set([...was.keys(), ...would.keys()])].flatMap((role) => {
    const [before, after] = [was.get(role) ?? 0, would.get(role) ?? 0];
    const text = `${after} of role ${role} must approve; it was ${before}`;
    if (after > before) return [stricter(text)];
    return after < before ? [looser(text)] : [];
  });
}

function excludedChanges(past: PastPromotion, policy: TargetPolicy): ReplayChange[] {
  const { editors } = past.document;
  const isExcluded = policy.approvals.exclude.includes('policyEditors');
  if (editors === undefined || editors.length === 0 || isExcluded) return [];
  return [looser(`${editors.join(', ')} signed the configuration and would count; they did not`)];
}

type Beside = JudgedBy & { readonly then: TargetPolicy | null };

function passChanges(past: PastPromotion, judged: Judgement, given: Beside): ReplayChange[] {
  if (past.rejectedBy !== null) return rejectionChanges(past.rejectedBy, given);
  if (past.startedAt !== null) {
    return judged.reasons
      .filter(({ code }) => code !== 'approvals-missing' || lacksMore(past, judged, given))
      .map(({ text }) => stricter(`it would not have started: ${text}`));
  }
  const changes: ReplayChange[] = [];
  if (past.state === 'expired' && judged.expiresAt > past.at) {
    changes.push(
      looser(`it would have waited until ${judged.expiresAt.toISOString()}, and had expired`),
    );
  }
  const before = given.then === null ? null : judgePast(past, { ...given, policy: given.then });
  const held = (reasons: readonly ReplayReason[]): readonly ReplayReason[] =>
    reasons.filter(({ code }) => code !== 'expired');
  if (held(judged.reasons).length === 0 && (before === null || held(before.reasons).length > 0)) {
    changes.push(looser('it would have started; it did not'));
  }
  for (const { code, text } of before === null ? [] : held(judged.reasons)) {
    if (before?.reasons.some((reason) => reason.code === code) === false) {
      changes.push(stricter(`this also would have held it: ${text}`));
    }
  }
  return changes;
}

/** Somebody who approved may have left the roster since, which is no doing of the file. */
function lacksMore(past: PastPromotion, { seats }: Judgement, { roster }: Beside): boolean {
  const { rules, editors } = past.document;
  if (rules === undefined) return true;
  const was = seatsOf(rules, past, { roster, editors: editors ?? [] });
  return seats.need - seats.have > was.need - was.have;
}

/** Whoever has the role of any rule may reject. */
function rejectionChanges(person: string, { policy, roster }: Beside): ReplayChange[] {
  const roles = roster.people.find(({ id }) => id === person)?.roles;
  if (roles === undefined || policy.approvals.rules.some(({ role }) => roles.includes(role))) {
    return [];
  }
  return [looser(`${person} rejected it and would have no role to do so`)];
}

function requirementChanges(
  past: PastPromotion,
  judged: Judgement,
  given: Beside & { readonly then: TargetPolicy },
): ReplayChange[] {
  const changes: ReplayChange[] = [];
  const was = judgePast(past, { ...given, policy: given.then });
  if (was.builders !== judged.builders) {
    const text = `${judged.builders} builders must have made the same bytes; it was ${was.builders}`;
    changes.push(judged.builders > was.builders ? stricter(text) : looser(text));
  }
  const approvedAt = past.approvals.at(-1)?.at;
  if (past.startedAt === null || approvedAt === undefined) return changes;
  const isOpen = ({ windows }: TargetPolicy): boolean =>
    windows === undefined || windowState(windows, approvedAt).open;
  if (!isOpen(given.then) && isOpen(given.policy)) {
    const when = approvedAt.toISOString();
    changes.push(looser(`no window would have held it at its last approval (${when}); one did`));
  }
  return changes;
}
