/** What a commit says of the files that belong to it. */
export type CommitSource = {
  /** 40 lower-case hexadecimal digits. */
  readonly tree: string;
  /** Of the committer, in seconds since 1970; `git archive` gives it to every file. */
  readonly time: number;
};

/** @param object a commit object as git hashes it. @returns null for what is none. */
export function readCommitSource(object: Buffer): CommitSource | null {
  const text = object.toString('latin1');
  // An empty line ends the header; the message after it is anybody's.
  const header = text.slice(0, text.indexOf('\n\n') + 1);
  const tree = /^tree ([0-9a-f]{40})\n/.exec(header)?.[1];
  const seconds = /^committer [^\n]*> ([0-9]{1,11}) [+-][0-9]{4}$/m.exec(header)?.[1];
  return tree === undefined || seconds === undefined ? null : { tree, time: Number(seconds) };
}
