import type { Buffer } from 'node:buffer';
import { z } from 'zod';
import { promotionRequestPredicate } from '../constants.ts';
import { maxReasonLength, maxReleaseLength, maxTextLength } from '../limits.ts';
import { statementBytes, type Subject } from './statement.ts';

/**
 * Who asks for what to go where. It names the provenance payload, so that a build is tied to no target but a request is
 * tied to one build.
 */
export const PromotionRequest = z.strictObject({
  // Target and provenance are compared exactly by the chain, which gives their faults codes of their own.
  target: z.string(),
  release: z.string().min(1).max(maxReleaseLength),
  requester: z.strictObject({
    id: z.string().min(1).max(maxTextLength),
    idp: z.string().min(1).max(maxTextLength),
  }),
  reason: z.string().max(maxReasonLength),
  requestedAt: z.string(),
  provenance: z.string(),
});
export type PromotionRequest = z.infer<typeof PromotionRequest>;

/** The bytes of the promotion-request Statement to sign. All texts are printable ASCII, or `admit` refuses them. */
export function promotionRequestStatement(subject: Subject, request: PromotionRequest): Buffer {
  const { target, release, requester, reason, requestedAt, provenance } = request;
  return statementBytes(subject, promotionRequestPredicate, {
    target,
    release,
    requester: { id: requester.id, idp: requester.idp },
    reason,
    requestedAt,
    provenance,
  });
}
