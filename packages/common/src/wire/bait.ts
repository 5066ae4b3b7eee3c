/** Credentials that open nothing: builds of strangers are given some, and whoever uses one shows what the build did with it. */
import { z } from 'zod';

export const BaitName = z.enum(['cloud-key-id', 'cloud-key', 'registry-key']);
export type BaitName = z.infer<typeof BaitName>;

/** One of a job's own: no other job has this value. */
export const Bait = z.strictObject({ name: BaitName, value: z.string().min(20).max(128) });
export type Bait = z.infer<typeof Bait>;

export const maxBaitSightings = 64;

/** Where a bait was seen that had no reason to be there, in any form in which programs print it. */
export const BaitSighting = z.strictObject({
  bait: BaitName,
  /** `log`: of a step. `request`: through the way out of the job's network. */
  where: z.enum(['log', 'request']),
  /** The step, or `host:port`. */
  name: z.string().max(300),
});
export type BaitSighting = z.infer<typeof BaitSighting>;
