/** The sign of life of a running delivery, and when it has to stop: for want of one, or because people stopped it. */
import type { Log } from '@airlock/process/log';
import { asError } from './as-error.ts';
import { DeliveryFault } from './delivery-fault.ts';
import type { DeliveryStore, Fenced } from './delivery-ports.ts';
import type { FoundStop, Stoppable, StopWatch } from './watch-stops.ts';

/** @param at when this process saw it. */
type SeenStop = FoundStop & { readonly at: Date };

export type Heart = {
  /** Aborted when the delivery must stop: asked to, or no longer ours. */
  signal: AbortSignal;
  /** Aborted when the hook must be gone at once. */
  killing: AbortSignal;
  /** Aborted when somebody stopped it, which leaves the hook a moment to end by itself unless `killing` is aborted, too. */
  asking: AbortSignal;
  /** The stop that was seen first; null where none was. */
  stopped(): SeenStop | null;
  reason(): string;
  /** Looks for stops of people as well, which takes the database. @throws DeliveryFault as `check` does. */
  beforeStep(): Promise<void>;
  /** @throws DeliveryFault when the delivery must stop. */
  check(): void;
  stop(): void;
};

/** Tells the watchdog that this process lives, beside whatever the delivery is waiting for. */
export function startHeartbeat(
  {
    deliveries,
    stops,
    times,
    clock,
    log,
  }: {
    deliveries: Pick<DeliveryStore, 'heartbeat'>;
    stops: StopWatch;
    times: { heartbeatEveryMs: number; giveUpAfterMs: number };
    clock: () => Date;
    log: Log;
  },
  running: Stoppable & { delivery: Fenced },
  asked: AbortSignal,
): Heart {
  const stopping = new AbortController();
  const asking = new AbortController();
  const killing = new AbortController();
  const { delivery } = running;
  let takenOver = false;
  let stopped: SeenStop | null = null;
  let lastWritten = performance.now();
  let busy = false;
  const onAsked = (): void => {
    killing.abort();
    stopping.abort();
  };
  asked.addEventListener('abort', onAsked);
  if (asked.aborted) onAsked();

  async function beat(): Promise<void> {
    if (busy) return;
    busy = true;
    try {
      const isMine = await deliveries.heartbeat(delivery, clock());
      if (!isMine) takenOver = true;
      await look();
      // Whoever cannot see what is stopped must end as one who is not heard of.
      if (isMine) lastWritten = performance.now();
    } catch (cause) {
      log.warn('delivery.heartbeat-failed', { deliveryId: delivery.id, error: asError(cause) });
    } finally {
      busy = false;
    }
    judge();
  }
  // On its own, because a write that hangs must not delay the decision to stop.
  function judge(): void {
    see(stops.onHost());
    if (stopped !== null) {
      asking.abort();
      stopping.abort();
    }
    if (takenOver || performance.now() - lastWritten > times.giveUpAfterMs) onAsked();
  }
  function see(found: FoundStop | null): void {
    if (found !== null) stopped ??= { ...found, at: clock() };
  }
  async function look(): Promise<void> {
    const found = await stops.against(running);
    see(found);
    // Also when a milder stop was seen before it.
    if (found?.atOnce === true) killing.abort();
    judge();
  }
  function check(): void {
    judge();
    if (takenOver) throw new DeliveryFault('delivery-taken-over', reason());
    if (stopping.signal.aborted) throw new DeliveryFault('delivery-stopped', reason());
  }
  const beating = setInterval(() => void beat(), times.heartbeatEveryMs);
  const judging = setInterval(judge, times.heartbeatEveryMs);

  const reason = (): string =>
    takenOver
      ? 'the watchdog took this delivery over'
      : stopped !== null
        ? `stopped: ${stopped.text}`
        : asked.aborted
          ? 'the deliverer was asked to stop'
          : 'the database did not take a sign of life, or say what is stopped, in time';
  return {
    signal: stopping.signal,
    killing: killing.signal,
    asking: asking.signal,
    stopped: () => stopped,
    reason,
    check,
    async beforeStep() {
      await look();
      check();
    },
    stop() {
      clearInterval(beating);
      clearInterval(judging);
      asked.removeEventListener('abort', onAsked);
    },
  };
}
