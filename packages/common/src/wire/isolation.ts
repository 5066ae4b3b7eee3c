import { z } from 'zod';

/**
 * How the steps of a job are kept apart from the machine that runs them, strongest first: a sandbox of bubblewrap, a
 * container of podman, an account of its own for each job, or nothing.
 */
export const IsolationMode = z.enum(['bubblewrap', 'podman', 'user', 'none']);
export type IsolationMode = z.infer<typeof IsolationMode>;

/** What held the commands of a job, as runners report and sign it. */
export const IsolationReport = z.strictObject({
  mode: IsolationMode,
  /** What was enforced for every command, such as `no-network`. */
  enforced: z.array(z.string().max(64)).max(64),
});
export type IsolationReport = z.infer<typeof IsolationReport>;

const Count = z.number().int().nonnegative();

/** What went through the way out of a job's network, all its commands together, as its runner counted it. */
export const EgressReport = z.strictObject({
  /** Connections that were made. */
  allowed: Count,
  refused: Count,
  /** Into the sandbox. */
  bytesIn: Count,
  bytesOut: Count,
});
export type EgressReport = z.infer<typeof EgressReport>;
