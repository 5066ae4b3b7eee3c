/** Event streams of the pages: the database is asked twice a second while somebody looks, whichever process changed it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStream } from '@airlock/web/sse';

const lookEveryMs = 500;

/**
 * Sends `change` when what is seen is no longer what the page shows.
 *
 * @param shown what the page was made from; null: whatever is there at first. Without it a change between making the page
 *   and opening the stream would be missed.
 */
export async function streamChanges(
  stream: EventStream,
  shown: unknown,
  look: () => Promise<{ readonly seen: string; readonly ended: boolean }>,
): Promise<void> {
  let before = typeof shown === 'string' ? shown : null;
  while (!stream.signal.aborted) {
    const { seen, ended } = await look();
    if (before !== null && seen !== before) stream.send('change', {});
    before = seen;
    if (ended) {
      stream.send('end', {});
      stream.close();
      return;
    }
    await pause(stream.signal);
  }
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await sleep(lookEveryMs, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
