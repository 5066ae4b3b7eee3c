/** Event streams of the pages: the database is asked while somebody looks, whichever process changed it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStream } from '@airlock/web/sse';
import type { DeliveryLogLine } from '../app/delivery-ports.ts';
import { logLine } from './views/log-line.ts';

const logEveryMs = 500;
/** A look at a promotion verifies its approvals again, which need not be done more often. */
const lookEveryMs = 1000;
const linesAtOnce = 500;

export interface Look {
  /** Everything that the page shows and that may change, in a few characters. */
  readonly seen: string;
  /** Nothing will change any more. */
  readonly ended: boolean;
}

/**
 * Sends `change` when what is seen is no longer what the page shows.
 *
 * @param shown what the page was made from, so that nothing between page and stream is missed.
 */
export async function streamChanges(
  stream: EventStream,
  shown: unknown,
  look: () => Promise<Look>,
): Promise<void> {
  let before = typeof shown === 'string' ? shown : null;
  while (!stream.signal.aborted) {
    const { seen, ended } = await look();
    if (before !== null && seen !== before) stream.send('change', {});
    before = seen;
    if (ended) {
      end(stream);
      return;
    }
    await pause(lookEveryMs, stream.signal);
  }
}

/** Sends log lines after the last one shown, until the delivery has ended. */
export async function streamLog(
  stream: EventStream,
  after: unknown,
  read: (after: number, limit: number) => Promise<readonly DeliveryLogLine[]>,
  hasEnded: () => Promise<boolean>,
): Promise<void> {
  const asked = Number(stream.lastEventId ?? after);
  let last = Number.isSafeInteger(asked) && asked > 0 ? asked : 0;
  while (!stream.signal.aborted) {
    // Asked before the lines are read, so that the last ones are not missed.
    const ended = await hasEnded();
    let more = true;
    while (more) {
      const lines = await read(last, linesAtOnce);
      last = lines.at(-1)?.sequence ?? last;
      if (lines.length > 0) stream.send('lines', lines.map(logLine), String(last));
      more = lines.length === linesAtOnce;
    }
    if (ended) {
      end(stream);
      return;
    }
    await pause(logEveryMs, stream.signal);
  }
}

function end(stream: EventStream): void {
  stream.send('end', {});
  stream.close();
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
