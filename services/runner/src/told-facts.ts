/**
 * What nonprod tells a step of its commit is held against the commit itself. A build that branches on a message or an author
 * would else build what nonprod likes out of a commit that everybody reviewed.
 */
import { objectId } from '@airlock/build/git-tree';
import { commitWords } from '@airlock/common/commit-words';
import type { RunFacts } from '@airlock/common/wire/runner-protocol';

const names = {
  subject: 'CI_COMMIT_MESSAGE',
  authorName: 'CI_COMMIT_AUTHOR',
  authorEmail: 'CI_COMMIT_AUTHOR_EMAIL',
} as const;

/**
 * @param object what was sent as the commit.
 * @returns one sentence on what does not fit; null when all does.
 */
export function toldFault(run: RunFacts, object: Uint8Array): string | null {
  if (objectId('commit', object).toString('hex') !== run.commit) {
    return `what was sent as commit ${run.commit} is another object; nothing of it was started`;
  }
  const said = commitWords(object);
  const wrong = (['subject', 'authorName', 'authorEmail'] as const).find(
    (fact) => run[fact] !== said[fact],
  );
  if (wrong === undefined) return null;
  const [told, is] = [run[wrong], said[wrong]].map((text) => JSON.stringify(text.slice(0, 200)));
  return `nonprod tells the steps ${names[wrong]}=${told}, and commit ${run.commit} says ${is}; nothing of it was started`;
}
