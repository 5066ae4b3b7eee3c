import type { DeliveryStore } from './delivery-ports.ts';

type Stream = 'gate' | 'stdout' | 'stderr';

export type DeliveryLog = {
  write(stream: Stream, line: string): void;
  /** Writes what is left; never throws. */
  end(): Promise<void>;
};

const flushEveryMs = 150;
const maxLines = 20_000;

/**
 * The lines that people read on the delivery's page, written in batches while the hook runs. A database that is away holds
 * back the log and never the delivery.
 *
 * @param options.onFault told once a fault begins; lines that could not be written are tried again.
 */
export function createDeliveryLog(options: {
  deliveries: Pick<DeliveryStore, 'appendLog'>;
  deliveryId: string;
  clock: () => Date;
  onFault(error: Error): void;
}): DeliveryLog {
  let waiting: { at: Date; stream: Stream; line: string }[] = [];
  let written = 0;
  let failing = false;
  let flushing: Promise<void> = Promise.resolve();

  async function flush(): Promise<void> {
    if (waiting.length === 0) return;
    const batch = waiting;
    waiting = [];
    try {
      await options.deliveries.appendLog(options.deliveryId, batch);
      failing = false;
    } catch (cause) {
      waiting = [...batch, ...waiting];
      if (!failing) options.onFault(cause instanceof Error ? cause : new Error(String(cause)));
      failing = true;
    }
  }

  const flushInTurn = (): Promise<void> => (flushing = flushing.then(flush));
  const timer = setInterval(() => void flushInTurn(), flushEveryMs);

  return {
    write(stream, line) {
      written += 1;
      if (written > maxLines) return;
      const text = written === maxLines ? `lines beyond ${maxLines} are not kept` : line;
      waiting.push({ at: options.clock(), stream, line: text });
    },
    async end() {
      clearInterval(timer);
      await flushInTurn();
    },
  };
}
