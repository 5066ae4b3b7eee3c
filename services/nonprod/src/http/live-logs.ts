/**
 * Logs while they grow, for any number of readers: a frame is read and written down once, and goes to everybody who keeps up.
 * Each frame says how long the log is and shows its end, so that somebody who misses some has lost nothing: the page asks
 * for the lines that it wants to show.
 */
import { eventFrame, type EventStream } from '@airlock/web/sse';
import type { LogName, LogReader } from '../app/log-ports.ts';
import { shownLine } from './log-text.ts';

const frameEveryMs = 40;
/** A log that was silent may show so many frames one upon the other: what a step says first is not kept waiting. */
const framesAtOnce = 3;
const linesAFrame = 300;
/** Whoever has so many bytes on the way is passed over until they have arrived. */
const maxBacklogBytes = 256 * 1024;

interface LiveLog {
  readonly viewers: Set<EventStream>;
  readonly stop: () => void;
  timer: NodeJS.Timeout | null;
  /** When as many frames as were sent are due, at one each 40 ms. */
  dueAt: number;
  /** Lines that everybody was shown, or could have been. */
  shown: number;
  sending: Promise<void>;
  /** After this process started anew a log is closed until its runner goes on. */
  wasOpen: boolean;
}

export interface LiveLogs {
  /** Shows what follows line `after`, or the end of it, and then everything that comes; ends with the log. */
  follow(
    name: LogName,
    stream: EventStream,
    from: { readonly after: number; readonly mayGrow: boolean },
  ): Promise<void>;
}

export function createLiveLogs(
  reader: Pick<LogReader, 'size' | 'lines' | 'watch'>,
  onAccident: (error: Error) => void,
): LiveLogs {
  const live = new Map<string, LiveLog>();

  /** The end of the log behind line `after`, as an event; a line that has not ended is shown again with the next. */
  async function frameAfter(
    name: LogName,
    after: number,
  ): Promise<{ frame: Buffer; lines: number; isOpen: boolean }> {
    const size = (await reader.size(name)) ?? { lines: 0, isOpen: true };
    const from = Math.max(after, size.lines - linesAFrame, 0) + 1;
    const lines = from > size.lines ? [] : await reader.lines(name, from, linesAFrame);
    const data = { total: size.lines, lines: lines.map(shownLine) };
    const frame = eventFrame('lines', data, String(Math.max(0, size.lines - 1)));
    return { frame, lines: size.lines, isOpen: size.isOpen };
  }

  async function sendFrame(name: LogName, log: LiveLog): Promise<void> {
    log.dueAt = Math.max(log.dueAt, performance.now()) + frameEveryMs;
    const { frame, lines, isOpen } = await frameAfter(name, Math.max(0, log.shown - 1));
    log.shown = lines;
    log.wasOpen ||= isOpen;
    const isOver = log.wasOpen && !isOpen;
    for (const viewer of log.viewers) {
      if (viewer.backlog() < maxBacklogBytes || isOver) viewer.sendFrame(frame);
      if (!isOver) continue;
      viewer.send('end', {});
      viewer.close();
    }
  }

  function schedule(name: LogName, log: LiveLog): void {
    if (log.timer !== null) return;
    const early = (framesAtOnce - 1) * frameEveryMs;
    const wait = Math.max(0, log.dueAt - early - performance.now());
    log.timer = setTimeout(() => {
      log.timer = null;
      log.sending = log.sending
        .then(() => sendFrame(name, log))
        .catch((error: unknown) => {
          onAccident(error instanceof Error ? error : new Error(String(error)));
        });
    }, wait);
  }

  return {
    async follow(name, stream, { after, mayGrow }) {
      const key = `${name.jobId}/${name.lease}/${name.step}`;
      const first = await frameAfter(name, after);
      stream.sendFrame(first.frame);
      if (!first.isOpen && !mayGrow) {
        stream.send('end', {});
        stream.close();
        return;
      }
      let log = live.get(key);
      if (log === undefined) {
        const begun: LiveLog = {
          viewers: new Set(),
          stop: reader.watch(name, () => {
            schedule(name, begun);
          }),
          timer: null,
          dueAt: 0,
          shown: first.lines,
          sending: Promise.resolve(),
          wasOpen: first.isOpen,
        };
        live.set(key, begun);
        log = begun;
      }
      const joined = log;
      joined.viewers.add(stream);
      // What came between the first frame and here.
      schedule(name, joined);
      stream.signal.addEventListener('abort', () => {
        joined.viewers.delete(stream);
        if (joined.viewers.size > 0) return;
        joined.stop();
        if (joined.timer !== null) clearTimeout(joined.timer);
        if (live.get(key) === joined) live.delete(key);
      });
    },
  };
}
