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

/** A job names no more hosts; of those beyond it only the sums are told. */
export const maxEgressHosts = 64;

/** What went through the way out of a job's network, all its commands together, as its runner counted it. */
export const EgressReport = z.strictObject({
  /** Connections that were made. */
  allowed: Count,
  refused: Count,
  /** Into the sandbox. */
  bytesIn: Count,
  bytesOut: Count,
  /** Every host that was asked for, in the order of the first time; empty where an older runner says nothing of them. */
  hosts: z
    .array(z.strictObject({ host: z.string().max(255), allowed: Count, refused: Count }))
    .max(maxEgressHosts)
    .default([]),
});
export type EgressReport = z.infer<typeof EgressReport>;
