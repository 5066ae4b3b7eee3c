/** What the gate reports of a request. Nonprod shows it and believes nothing of it to be its own knowledge. */
import type { PromotionStatus } from '@airlock/common/wire/outbox';

export type GateState = PromotionStatus['state'];

/** After these the same candidate may be asked for again. */
export const endedStates: readonly GateState[] = [
  'refused',
  'live',
  'failed',
  'indeterminate',
  'expired',
  'superseded',
  'rejected',
];

/** The gate polls every few seconds; what it said longer ago than this may be old. */
export const staleAfterSeconds = 120;

export function isStale(gateSeenAt: Date | null, now: Date): boolean {
  return gateSeenAt === null || now.getTime() - gateSeenAt.getTime() > staleAfterSeconds * 1000;
}
