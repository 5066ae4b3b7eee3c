/**
 * Which rules of a target file one promotion must meet: a function of the file, of the changes as the promotion document
 * names them by digest, and of the document itself, so that everybody who has these three finds the same rules.
 */
import type { WaiverKind } from '../promotion/waiver.ts';
import { parseCondition, type ConditionFacts } from './approval-condition.ts';
import type { ApprovalRule, NeededRule, Role } from './target-approvals.ts';

/** The changes, as far as conditions ask. */
export type ConditionChanges = {
  /** Null before the first delivery. */
  readonly base: object | null;
  readonly commitCount: number;
  readonly emails: readonly string[];
  readonly fileCount: number;
  /** Those that are listed, which may be fewer than there are. */
  readonly files: readonly { readonly path: string }[];
  readonly details?:
    | {
        readonly dependencies: { readonly added: number; readonly unread: readonly unknown[] };
        readonly migrations: { readonly count: number };
      }
    | undefined;
};

export type RulesOfTarget = {
  readonly approvals: { readonly rules: readonly ApprovalRule[] };
  readonly rollback?: { readonly approvals?: NeededRule | undefined } | undefined;
  readonly breakGlass?: { readonly approvals: readonly NeededRule[] } | undefined;
  readonly windows?: { readonly override?: NeededRule | undefined } | undefined;
};

export type ConditionRelease = {
  readonly release: string;
  readonly repository: string;
  readonly subject: string;
  readonly requester: string;
};

/**
 * Rules without a condition, those whose condition holds, and those of which it cannot be said: a list of files that was cut
 * short or a lockfile that nobody could read must not spare anybody's approval.
 *
 * @throws ConditionError for a condition that does not parse; the schema of target files lets none through.
 */
export function neededRules(
  rules: readonly ApprovalRule[],
  changes: ConditionChanges,
  release: ConditionRelease,
): NeededRule[] {
  const facts = factsOf(changes, release);
  return rules
    .filter(({ when }) => when === undefined || parseCondition(when).evaluate(facts) !== 'no')
    .map(({ role, count }) => ({ role, count }));
}

/**
 * The rules that one document must meet under a target file: those of `approvals`, or for a return the one of
 * `rollback.approvals` where the file has it. Where it breaks the glass they are those of `breakGlass` instead; where it
 * overrides the windows, that of `windows.override` beside them, which takes other people. None where the file opens no such
 * way, and none satisfies nobody.
 *
 * @throws ConditionError as `neededRules` does.
 */
export function rulesAsked(
  policy: RulesOfTarget,
  changes: ConditionChanges,
  release: ConditionRelease & { readonly isReturn: boolean; readonly waiver: WaiverKind | null },
): NeededRule[] {
  if (release.waiver === 'break-glass')
    return neededRules(policy.breakGlass?.approvals ?? [], changes, release);
  const ofReturn = release.isReturn ? policy.rollback?.approvals : undefined;
  const ordinary =
    ofReturn === undefined
      ? neededRules(policy.approvals.rules, changes, release)
      : [{ role: ofReturn.role, count: ofReturn.count }];
  if (release.waiver === null) return ordinary;
  const beside = policy.windows?.override;
  return beside === undefined ? [] : [...ordinary, { role: beside.role, count: beside.count }];
}

/** Every role that a target file asks for somewhere, each once. */
export function decidingRolesOf(policy: RulesOfTarget): Role[] {
  const { approvals, rollback, breakGlass, windows } = policy;
  const others = [rollback?.approvals, windows?.override].filter((rule) => rule !== undefined);
  const all = [...approvals.rules, ...(breakGlass?.approvals ?? []), ...others];
  return [...new Set(all.map(({ role }) => role))];
}

/**
 * Roles whose people may reject: those who decide, and `security` for every target, which needs no rule for saying no. It
 * approves only where a target file asks for it.
 */
export const rejectingRolesOf = (policy: RulesOfTarget): Role[] => [
  ...new Set([...decidingRolesOf(policy), 'security' as const]),
];

function factsOf(changes: ConditionChanges, release: ConditionRelease): ConditionFacts {
  const { details, files, fileCount } = changes;
  const dependencies = details?.dependencies;
  // Before the first delivery there is nothing to which a package could be new.
  const areKnown = dependencies?.unread.length === 0 && changes.base !== null;
  return {
    'delta.paths': { some: files.map(({ path }) => path), all: files.length === fileCount },
    'delta.authors': { some: changes.emails, all: true },
    'delta.commits': changes.commitCount,
    'delta.files': fileCount,
    'delta.newDependencies': areKnown ? dependencies.added : null,
    'delta.migrations': details?.migrations.count ?? null,
    'release.version': release.release,
    'release.repository': release.repository,
    'release.artifact': release.subject,
    'release.requester': release.requester,
  };
}
