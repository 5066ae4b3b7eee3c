import type { EgressReport } from '@airlock/common/wire/isolation';

export type EgressTally = {
  add(counts: EgressReport): void;
  /** What was added since it was asked last. */
  take(): EgressReport;
};

const nothing: EgressReport = { allowed: 0, refused: 0, bytesIn: 0, bytesOut: 0 };

/** Of one job: a runner has one at a time. */
export function createEgressTally(): EgressTally {
  let sum = nothing;
  return {
    add({ allowed, refused, bytesIn, bytesOut }) {
      sum = {
        allowed: sum.allowed + allowed,
        refused: sum.refused + refused,
        bytesIn: sum.bytesIn + bytesIn,
        bytesOut: sum.bytesOut + bytesOut,
      };
    },
    take() {
      const taken = sum;
      sum = nothing;
      return taken;
    },
  };
}
