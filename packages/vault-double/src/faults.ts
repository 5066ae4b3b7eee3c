/** What a test can make go wrong, on purpose and for a limited number of requests. */

export type Fault = {
  /** Matched against `METHOD path`, such as `GET database/creds/deploy`. */
  match: RegExp;
  /** How many requests it hits; left out: all until it is removed. */
  times?: number;
} & (
  | { kind: 'delay'; milliseconds: number }
  /** The connection ends before the request is executed. */
  | { kind: 'drop-before-execution' }
  /** Executed, but the answer is lost: the case that recovery must survive. */
  | { kind: 'drop-after-execution' }
  | { kind: 'status'; status: 429 | 500; retryAfterSeconds?: number }
  /** What a standby does without forwarding. */
  | { kind: 'redirect'; location: string }
);

export type Faults = {
  /** While true everything but health and seal-status answers 503. No lease is undone meanwhile. */
  sealed: boolean;
  /** Returns what removes the fault. */
  inject(fault: Fault): () => void;
};

export type FaultPlan = Faults & { take(request: string): Fault[] };

export function createFaults(): FaultPlan {
  const active = new Map<Fault, number>();
  return {
    sealed: false,
    inject(fault) {
      active.set(fault, fault.times ?? Number.POSITIVE_INFINITY);
      return () => {
        active.delete(fault);
      };
    },
    take(request) {
      const hit = [...active.keys()].filter((fault) => fault.match.test(request));
      for (const fault of hit) {
        const left = (active.get(fault) ?? 0) - 1;
        if (left > 0) active.set(fault, left);
        else active.delete(fault);
      }
      return hit;
    },
  };
}
