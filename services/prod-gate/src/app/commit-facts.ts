import type { Roster } from '@airlock/common/policy/target-policy';
import type { CommitFacts } from '@airlock/common/verify/decide-admission';
import type { LedgerFacts } from '../domain/ledger-facts.ts';
import type { GitReader } from './intake-ports.ts';

/**
 * What git, the roster and the ledger say together of one commit; null when the mirror does not have it.
 *
 * @param question.seenAt when main has this commit for certain, for the process that has just fetched it and whose note of
 *   that is on its way into the ledger. Null for everybody else: then the ledger alone counts.
 */
export async function commitFacts(
  git: GitReader,
  question: {
    repository: string;
    commit: string;
    paths: readonly string[];
    roster: Roster;
    ledger: LedgerFacts;
    seenAt: Date | null;
    now: Date;
  },
): Promise<CommitFacts | null> {
  const { commit, roster, now } = question;
  const place = await git.commitFacts(commit, question.paths);
  if (place === null) return null;
  const firstSeenAt = place.firstParent
    ? ((await firstSeen(git, question.ledger, question.repository, place.position)) ??
      question.seenAt)
    : null;
  const signature = await git.signature(commit, {
    keys: roster.commitKeys,
    emailsOf: (owner) => roster.people.find(({ id }) => id === owner)?.gitEmails ?? [],
    firstSeenAt,
    now,
  });
  return signature.signed
    ? { ...place, signed: true }
    : { ...place, signed: false, unsignedBecause: signature.reason };
}

/** The first head of main that had this place behind it. One of a main that was rewritten since has no such place. */
async function firstSeen(
  git: GitReader,
  ledger: LedgerFacts,
  repository: string,
  position: number,
): Promise<Date | null> {
  for (const head of ledger.headsFrom(repository, position)) {
    const place = await git.commitFacts(head.commit, []);
    if (place?.firstParent === true && place.position === head.position) return head.at;
  }
  return null;
}
