/** The commit that was built, as git keeps it, and who signed it. */
import { sha256Hex } from '@airlock/common/encoding/hex';
import { commitId, judgeCommitSignature } from '@airlock/common/trust/commit-signature';
import type { Decided } from './decided.ts';
import type { EvidenceArchive } from './files.ts';
import { entriesLike, theEntry, type ProvenEntry } from './ledger.ts';
import { EvidenceFault } from './report.ts';

/**
 * @param given.intentAt by the ledger: a key revoked by then does not count, as the gate judged it.
 * @returns what was found, for the line of the report.
 * @throws EvidenceFault when the object is not the commit that was approved, or no listed key signed it although the target
 *   asks for one.
 */
export function checkCommit(given: {
  readonly archive: EvidenceArchive;
  readonly decided: Decided;
  readonly entries: readonly ProvenEntry[];
  readonly intentAt: Date;
}): string {
  const { document, policy, roster } = given.decided;
  const object = given.archive.file('commit');
  if (commitId(object) !== document.commit) {
    throw new EvidenceFault(`commit is not the object ${document.commit} of promotion.json`);
  }
  const admitted = theEntry(given.entries, 'bundle.admitted', {
    subject: document.bundle,
    refs: { promotion: document.promotion },
  });
  if (admitted.refs['commitObject'] !== sha256Hex(object)) {
    throw new EvidenceFault('commit is not the object that the gate took in');
  }
  const isDemanded = policy.admits.some(({ signedCommits }) => signedCommits === 'required');
  if (!isDemanded) return `commit ${document.commit}; the target asks for no signature of it`;
  const heads = entriesLike(given.entries, 'git.head', {
    refs: { repository: sha256Hex(Buffer.from(document.repository)) },
  });
  const first = heads.find(({ refs }) => Number(refs['position']) >= document.position);
  const judged = judgeCommitSignature({
    commit: document.commit,
    object,
    keys: roster.commitKeys,
    emailsOf: (owner) => roster.people.find(({ id }) => id === owner)?.gitEmails ?? [],
    firstSeenAt: first === undefined ? null : new Date(first.at),
    now: given.intentAt,
  });
  if (!judged.signed) throw new EvidenceFault(`the commit ${judged.reason}`);
  return `commit ${document.commit} is signed by ${judged.fingerprint} of ${judged.owner}; the gate first saw it on main at ${first?.at ?? ''}`;
}
