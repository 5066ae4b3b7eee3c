import { z } from 'zod';

/** RFC 9457 problem document, with the members that Airlock adds. */
export const Problem = z.strictObject({
  /** A reference relative to the service (RFC 9457, 3.1.1); a stranger is told no product. */
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  /** Stable machine-readable code; contract. */
  code: z.string(),
  detail: z.string().optional(),
  requestId: z.string().optional(),
  /** Groups that would have been allowed (403). */
  needs: z.array(z.strictObject({ group: z.string() })).optional(),
  /** Every reason of a refusal that has several. */
  codes: z.array(z.string()).optional(),
});
export type Problem = z.infer<typeof Problem>;
