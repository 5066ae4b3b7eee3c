/** Who signed the rules by which a promotion is judged, where its target file says that they do not count. */
import type { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import type { LedgerFacts, ProvenRelease } from './ledger-facts.ts';
import { peopleOfKeys } from './roster.ts';

export type PolicyEditors = {
  /** Roster ids; null where the target file does not exclude them. */
  readonly people: readonly string[] | null;
  /** Keys of nobody in the roster. */
  readonly unmapped: readonly string[];
};

/** @param given.live what the ledger proves to be live; before the first delivery every signature counts. */
export function policyEditors(given: {
  readonly policy: TargetPolicy;
  readonly roster: Roster;
  readonly ledger: Pick<LedgerFacts, 'configurationSigners'>;
  readonly live: ProvenRelease | null;
}): PolicyEditors {
  if (!given.policy.approvals.exclude.includes('policyEditors')) {
    return { people: null, unmapped: [] };
  }
  return peopleOfKeys(given.roster, given.ledger.configurationSigners(given.live?.since ?? null));
}
