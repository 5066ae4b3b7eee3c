import type { Readable } from 'node:stream';

/** A lease on a job: the number fences off a runner whose lease was given to another. */
export type Held = { jobId: string; lease: number };

/** One request to the runner API. */
export type Call = {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly path: string;
  readonly json?: unknown;
  /** One after the other they are the body; a call may be made again with them. */
  readonly bytes?: readonly Buffer[];
  readonly body?: { readonly stream: Readable; readonly size: number };
  readonly signal: AbortSignal;
};

export const jobPath = ({ jobId }: Held, rest: string): string =>
  `/v1/jobs/${encodeURIComponent(jobId)}/${rest}`;
