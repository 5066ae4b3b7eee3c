import type { Request, Response } from 'express';

export interface EventStream {
  /** Sends one event; `data` becomes JSON. Nothing happens once the reader has gone. */
  send(event: string, data: unknown, id?: string): void;
  close(): void;
  /** Aborted when the reader goes away or `close` was called. */
  readonly signal: AbortSignal;
  /** Where a reader that lost its connection wants to go on; null at first. */
  readonly lastEventId: string | null;
}

const heartbeatMs = 15_000;

/** Begins a server-sent event stream (WHATWG HTML, section 9.2). Authorisation is the caller's, before this. */
export function openEventStream(request: Request, response: Response): EventStream {
  const ended = new AbortController();
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  response.write('retry: 1000\n\n');
  // A comment now and then, so that a proxy does not take silence for an end.
  const heartbeat = setInterval(() => response.write(': \n\n'), heartbeatMs);
  const finish = (): void => {
    clearInterval(heartbeat);
    ended.abort();
  };
  request.on('close', finish);
  return {
    send(event, data, id) {
      if (ended.signal.aborted) return;
      response.write(
        `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`,
      );
    },
    close() {
      finish();
      response.end();
    },
    signal: ended.signal,
    lastEventId: request.get('last-event-id') ?? null,
  };
}
