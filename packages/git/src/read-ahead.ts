/** Long ranges are read in large gulps: git lists what comes next, and is believed in nothing. */
import type { CommitObject } from './commit-object.ts';

type ReadCommit = (commit: string) => Promise<CommitObject>;

/** Commits that are read one after the other before git is asked: most ranges end before. */
export const alone = 64;
/** Commits that are read and not yet asked for. */
const most = 256;

/**
 * Reads as `read` does, and long ranges sooner: a commit that is not in the list, or is listed and not there, costs time alone.
 *
 * @param list the range's commits in about the order in which they will be asked for.
 */
export function readingAhead(read: ReadCommit, list: () => Promise<readonly string[]>): ReadCommit {
  const ahead = new Map<string, Promise<CommitObject>>();
  let listed: readonly string[] = [];
  let place = 0;
  let asked = 0;

  function fill(): void {
    if (ahead.size > most / 2) return;
    for (; ahead.size < most && place < listed.length; place += 1) {
      const commit = listed[place] ?? '';
      const reading = read(commit);
      // What nobody asks for fails nothing.
      reading.catch(() => {});
      ahead.set(commit, reading);
    }
  }

  return async (commit) => {
    asked += 1;
    if (asked === alone) listed = await list();
    const reading = ahead.get(commit) ?? read(commit);
    ahead.delete(commit);
    if (asked >= alone) fill();
    return await reading;
  };
}
