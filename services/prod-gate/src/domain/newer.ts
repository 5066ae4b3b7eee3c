/**
 * What main has that a waiting promotion has not: what an approver would want to know before shipping the older one. It
 * changes with every push, so it is shown and not part of what is signed.
 */
import { GitCommit, Timestamp } from '@airlock/common/wire/scalars';
import { z } from 'zod';

/** How many newer commits are listed by name; the total counts all that were read. */
export const listedNewer = 50;

export const NewerCommits = z.strictObject({
  /** Main as the gate saw it last. */
  head: GitCommit,
  total: z.number().int().nonnegative(),
  /** Newest first, at most {@link listedNewer}. */
  commits: z.array(
    z.strictObject({
      commit: GitCommit,
      subject: z.string(),
      authorName: z.string(),
      committedAt: Timestamp,
    }),
  ),
  /** Newer commits that take back what the promotion is about to deliver, newest first. */
  reverts: z.array(
    z.strictObject({
      commit: GitCommit,
      subject: z.string(),
      /** What it takes back. */
      of: z.strictObject({ commit: GitCommit, subject: z.string() }),
    }),
  ),
});
export type NewerCommits = z.infer<typeof NewerCommits>;

type Listed = { readonly commit: string; readonly subject: string };

/**
 * Which of the newer commits take back one that is shipped: by the id that git writes into the message, or by the title
 * alone, as forges write it when a pull request is reverted.
 */
export function revertsOf(
  newer: readonly (Listed & { readonly reverts: readonly string[] })[],
  shipped: readonly Listed[],
): NewerCommits['reverts'] {
  const byId = new Map(shipped.map((one) => [one.commit, one]));
  const bySubject = new Map(shipped.map((one) => [`Revert "${one.subject}"`, one]));
  return newer.flatMap(({ commit, subject, reverts }) => {
    const named = reverts.flatMap((id) => byId.get(id) ?? []);
    // A number such as (#12) is what a forge adds to the title of a squashed pull request.
    const titled = bySubject.get(subject) ?? bySubject.get(subject.replace(/ \(#\d+\)$/, ''));
    const taken = named.length > 0 || titled === undefined ? named : [titled];
    return taken.map((of) => ({
      ...{ commit, subject },
      of: { commit: of.commit, subject: of.subject },
    }));
  });
}
