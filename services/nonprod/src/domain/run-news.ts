/** What of a run is told to people: that it failed, that it passes again, that it waits to be released. */

export type RunVerdict = 'failed' | 'fixed' | 'held';

export interface RunNews {
  readonly runId: string;
  readonly number: number;
  readonly repository: string;
  readonly ref: string;
  readonly branch: string;
  readonly pullRequest: number | null;
  readonly commit: string;
  readonly subject: string;
  readonly authorName: string;
  /** One sentence of why, where there is one. */
  readonly reason: string | null;
  readonly verdict: RunVerdict;
  readonly at: Date;
}

const endings: Readonly<Record<RunVerdict, string>> = {
  failed: 'failed',
  fixed: 'passes again',
  held: 'waits until a member releases it',
};

/** Runs of one ref are one thread: that it failed and that it passes again stand together. */
export function newsOfRun(run: RunNews) {
  const { runId, number, repository, ref, branch, pullRequest, verdict } = run;
  const of = pullRequest === null ? branch : `#${pullRequest}`;
  const what = `${run.subject} (${run.commit.slice(0, 10)}, ${run.authorName})`;
  return {
    id: `${runId}:${verdict}`,
    thread: `${repository} ${ref}`.slice(0, 200),
    type: `run.${verdict}`,
    title: `${repository} ${of}: run ${number} ${endings[verdict]}`,
    lines: run.reason === null ? [what] : [what, run.reason],
    path: `/runs/${runId}`,
    about: repository,
    actor: null,
    occurredAt: run.at,
  };
}

/** The run that news is of. */
export const runOfNews = (id: string): string => id.slice(0, id.lastIndexOf(':'));
