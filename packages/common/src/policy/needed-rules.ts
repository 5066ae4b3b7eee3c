/**
 * Which rules of a target file one promotion must meet: a function of the file, of the changes as the promotion document
 * names them by digest, and of the document itself, so that everybody who has these three finds the same rules.
 */
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
 * `rollback.approvals` where the file has it. Where it breaks the glass they are those of `breakGlass`; none where the file
 * opens no such way, and none satisfies nobody.
 *
 * @throws ConditionError as `neededRules` does.
 */
export function rulesAsked(
  policy: RulesOfTarget,
  changes: ConditionChanges,
  release: ConditionRelease & { readonly isReturn: boolean; readonly isBreakGlass: boolean },
): NeededRule[] {
  if (release.isBreakGlass)
    return neededRules(policy.breakGlass?.approvals ?? [], changes, release);
  const ofReturn = release.isReturn ? policy.rollback?.approvals : undefined;
  return ofReturn === undefined
    ? neededRules(policy.approvals.rules, changes, release)
    : [{ role: ofReturn.role, count: ofReturn.count }];
}

/** Every role that a target file asks for somewhere, each once. */
export function decidingRolesOf({ approvals, rollback, breakGlass }: RulesOfTarget): Role[] {
  const ofReturn = rollback?.approvals === undefined ? [] : [rollback.approvals.role];
  const broken = breakGlass?.approvals ?? [];
  return [...new Set([...[...approvals.rules, ...broken].map(({ role }) => role), ...ofReturn])];
}

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
