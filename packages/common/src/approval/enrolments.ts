/**
 * From when a passkey counts, by the ledger. Whoever holds the identity provider signs in as anybody and could add a passkey of
 * their own; whoever lost theirs needs another. So a person's first one counts as soon as the roster lists it, and each later
 * one after a day in which everybody was told and anybody who decides can take it away.
 */
import type { LedgerEntry } from '../ledger/entry.ts';

export const laterPasskeyWaitMs = 24 * 3_600_000;

export type KnownEnrolment = {
  /** Roster id. */
  readonly person: string;
  readonly countsFrom: Date;
  /** From then on it counts for nothing; null while nobody took it away. */
  readonly withdrawnAt: Date | null;
};

export type EnrolmentFold = {
  /** By the digest of the enrolment (`enrolmentDigest`); null where the ledger has none. */
  readonly of: (digest: string) => KnownEnrolment | null;
  apply(entry: LedgerEntry): void;
};

/** What intake, deliverer, authority and watchdog record; each writes the time itself. */
const clocks: ReadonlySet<LedgerEntry['type']> = new Set([
  ...(['git.head', 'configuration.changed', 'repository.frozen', 'repository.released'] as const),
  ...([
    'delivery.intent',
    'delivery.announced',
    'delivery.finished',
    'credential.requested',
  ] as const),
  ...(['credential.issued', 'credential.revoked', 'hook.started', 'hook.finished'] as const),
  'stop.lifted',
]);

export function createEnrolmentFold(): EnrolmentFold {
  const known = new Map<string, KnownEnrolment>();
  const enrolled = new Set<string>();
  /** The latest time that a process said which enrols nobody: web says of its own entries when they were. */
  let others = 0;
  return {
    of: (digest) => known.get(digest) ?? null,
    apply({ type, at, refs, subjectDigest }) {
      if (clocks.has(type)) others = Math.max(others, Date.parse(at) || 0);
      const before = known.get(subjectDigest);
      if (type === 'passkey.withdrawn' && before?.withdrawnAt === null) {
        known.set(subjectDigest, { ...before, withdrawnAt: new Date(at) });
      }
      // The first entry of an enrolment: nobody makes it older or whole again by recording it once more.
      if (type !== 'passkey.enrolled' || before !== undefined) return;
      const { person = '' } = refs;
      const wait = enrolled.has(person) ? laterPasskeyWaitMs : 0;
      enrolled.add(person);
      const countsFrom = new Date(Math.max(Date.parse(at), others) + wait);
      known.set(subjectDigest, { person, countsFrom, withdrawnAt: null });
    },
  };
}
