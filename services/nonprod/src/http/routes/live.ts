/** Event streams of the pages: the database is asked twice a second while somebody looks, whichever process changed it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStream } from '@airlock/web/sse';
import type { PageQueries } from '../../app/page-queries.ts';
import { followLog, type NumberedLine } from '../run-log.ts';
import { ansiSpans } from '../views/ansi.ts';

const lookEveryMs = 500;
const linesAtOnce = 500;

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

/** Sends the lines after the one that the page shows last, until the job has ended. */
export async function streamLog(
  stream: EventStream,
  after: unknown,
  queries: Pick<PageQueries, 'log'>,
  jobId: string,
  hasEnded: () => Promise<boolean>,
): Promise<void> {
  const from = Number(stream.lastEventId ?? after);
  const first = Number.isSafeInteger(from) ? from : 0;
  const send = (lines: readonly NumberedLine[]): void => {
    const fresh = lines.filter(({ n }) => n > first);
    for (let at = 0; at < fresh.length; at += linesAtOnce) {
      const part = fresh.slice(at, at + linesAtOnce);
      const shown = part.map(({ n, text }) => ({ n, spans: ansiSpans(text) }));
      stream.send('lines', shown, String(part.at(-1)?.n ?? first));
    }
  };
  const log = followLog(queries, jobId);
  while (!stream.signal.aborted) {
    // Asked before the lines are read, so that the last ones are not missed.
    const ended = await hasEnded();
    let next = await log.next();
    send(next.lines);
    while (next.more) {
      next = await log.next();
      send(next.lines);
    }
    if (ended) {
      send(log.rest());
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
