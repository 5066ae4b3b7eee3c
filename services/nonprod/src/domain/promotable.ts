/** What is said of a run that a runner worked on which was quarantined later. */
export const taintText = (mark: { readonly runner: string; readonly reason: string }): string =>
  `It was built by ${mark.runner}, which is quarantined: ${mark.reason}`;

/** Which builds may be asked for in production. The gate decides again by itself; this only saves a vain request. */
export interface Promotable {
  readonly builder: 'main' | 'pr';
  readonly targets: readonly string[];
  /** Why what built it is not trusted any more; null when it is. */
  readonly taint: string | null;
  /** Why a person has to look at its build first; null when nobody has to, or somebody has. */
  readonly suspicion: string | null;
}

export type RefusalCode =
  | 'built-by-quarantined'
  | 'suspicious-not-reviewed'
  | 'not-built-from-main'
  | 'target-not-declared'
  | 'reason-missing';

export interface Refusal {
  readonly code: RefusalCode;
  readonly text: string;
}

export type PromotionVerdict =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly reasons: readonly [Refusal, ...Refusal[]] };

export function mayAskForPromotion(
  candidate: Promotable,
  request: { readonly target: string; readonly reason: string },
): PromotionVerdict {
  const reasons: Refusal[] = [];
  if (candidate.builder !== 'main') {
    reasons.push({
      code: 'not-built-from-main',
      text: 'Only builds of main can be promoted. Merge it; the run on main makes a candidate.',
    });
  }
  if (candidate.taint !== null) {
    reasons.push({
      code: 'built-by-quarantined',
      text: `${candidate.taint}. Build the commit again on another runner.`,
    });
  }
  if (candidate.suspicion !== null) {
    reasons.push({
      code: 'suspicious-not-reviewed',
      text: `${candidate.suspicion}. An owner of the repository who did not start it looks at the run’s page and says so there.`,
    });
  }
  if (!candidate.targets.includes(request.target)) {
    const known = candidate.targets.length === 0 ? 'none' : candidate.targets.join(', ');
    reasons.push({
      code: 'target-not-declared',
      text: `The release file of this commit names no target ${request.target}; it names: ${known}.`,
    });
  }
  if (request.reason.trim() === '') {
    reasons.push({
      code: 'reason-missing',
      text: 'Say in a sentence what this brings and why now.',
    });
  }
  const [first, ...rest] = reasons;
  return first === undefined ? { allowed: true } : { allowed: false, reasons: [first, ...rest] };
}
