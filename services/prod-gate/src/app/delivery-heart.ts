/** The sign of life of a running delivery, and when it has to stop for want of one. */
import type { Log } from '@airlock/process/log';
import { asError } from './as-error.ts';
import { DeliveryFault } from './delivery-fault.ts';
import type { DeliveryStore, Fenced } from './ports.ts';

export type Heart = {
  /** Aborted when the delivery must stop: asked to, or no longer ours. */
  signal: AbortSignal;
  reason(): string;
  /** @throws DeliveryFault when the delivery must stop. */
  check(): void;
  stop(): void;
};

/** Tells the watchdog that this process lives, beside whatever the delivery is waiting for. */
export function startHeartbeat(
  {
    deliveries,
    times,
    clock,
    log,
  }: {
    deliveries: Pick<DeliveryStore, 'heartbeat'>;
    times: { heartbeatEveryMs: number; giveUpAfterMs: number };
    clock: () => Date;
    log: Log;
  },
  delivery: Fenced,
  asked: AbortSignal,
): Heart {
  const stopping = new AbortController();
  let takenOver = false;
  let lastWritten = performance.now();
  let busy = false;
  const onAsked = (): void => {
    stopping.abort();
  };
  asked.addEventListener('abort', onAsked);
  if (asked.aborted) onAsked();

  async function beat(): Promise<void> {
    if (busy) return;
    busy = true;
    try {
      if (await deliveries.heartbeat(delivery, clock())) lastWritten = performance.now();
      else takenOver = true;
    } catch (cause) {
      log.warn('delivery.heartbeat-failed', { deliveryId: delivery.id, error: asError(cause) });
    } finally {
      busy = false;
    }
    judge();
  }
  // On its own, because a write that hangs must not delay the decision to stop.
  function judge(): void {
    if (takenOver || performance.now() - lastWritten > times.giveUpAfterMs) stopping.abort();
  }
  const beating = setInterval(() => void beat(), times.heartbeatEveryMs);
  const judging = setInterval(judge, times.heartbeatEveryMs);

  const reason = (): string =>
    takenOver
      ? 'the watchdog took this delivery over'
      : asked.aborted
        ? 'the deliverer was asked to stop'
        : 'the database did not take a sign of life in time';
  return {
    signal: stopping.signal,
    reason,
    check() {
      if (takenOver) throw new DeliveryFault('delivery-taken-over', reason());
      if (stopping.signal.aborted) throw new DeliveryFault('delivery-stopped', reason());
    },
    stop() {
      clearInterval(beating);
      clearInterval(judging);
      asked.removeEventListener('abort', onAsked);
    },
  };
}
