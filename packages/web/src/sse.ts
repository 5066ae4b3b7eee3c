import type { Request, Response } from 'express';
import { HttpError } from './problem.ts';

export interface EventStream {
  /** Sends one event; `data` becomes JSON. Nothing happens once the reader has gone. */
  send(event: string, data: unknown, id?: string): void;
  /** The same for a frame that goes to many. */
  sendFrame(frame: Buffer): void;
  /** Bytes that are on their way to the reader. */
  backlog(): number;
  close(): void;
  /** Aborted when the reader goes away, may no longer read, or `close` was called. */
  readonly signal: AbortSignal;
  /** Where a reader that lost its connection wants to go on; null at first. */
  readonly lastEventId: string | null;
}

/** Who reads a stream, and whether they still may: signing out has to reach what is already open. */
export interface StreamReader {
  readonly person: string;
  /** Open streams of this server by person. */
  readonly open: Map<string, number>;
  stillAllowed(): Promise<boolean>;
}

const heartbeatMs = 15_000;
const recheckMs = 60_000;
const maxStreamsPerPerson = 4;

const readers = new WeakMap<Request, StreamReader>();

/** The server says who is behind a request, before its route may open a stream. */
export function setStreamReader(request: Request, reader: StreamReader): void {
  readers.set(request, reader);
}

/**
 * Begins a server-sent event stream (WHATWG HTML, section 9.2) to whoever the route let in; it ends within a minute of
 * their session.
 *
 * @throws HttpError `too-many-requests` when the person has four open already.
 */
export function openEventStream(request: Request, response: Response): EventStream {
  const reader = readers.get(request);
  const leave = reader === undefined ? (): void => {} : enter(reader);
  const ended = new AbortController();
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  response.write('retry: 1000\n\n');
  // A comment now and then, so that a proxy does not take silence for an end.
  const heartbeat = setInterval(() => response.write(': \n\n'), heartbeatMs);
  const recheck = setInterval(() => {
    reader?.stillAllowed().then(
      (allowed) => {
        if (!allowed) close();
      },
      // Not known is not allowed; a browser comes back by itself.
      close,
    );
  }, recheckMs);
  const finish = (): void => {
    if (ended.signal.aborted) return;
    clearInterval(heartbeat);
    clearInterval(recheck);
    leave();
    ended.abort();
  };
  const close = (): void => {
    finish();
    response.end();
  };
  response.on('close', finish);
  // A reader who left while the route was still reading is not announced again.
  if (response.closed) finish();
  return {
    send(event, data, id) {
      if (!ended.signal.aborted) response.write(eventFrame(event, data, id));
    },
    sendFrame(frame) {
      if (!ended.signal.aborted) response.write(frame);
    },
    backlog: () => response.writableLength,
    close,
    signal: ended.signal,
    lastEventId: request.get('last-event-id') ?? null,
  };
}

/** One event as it goes over the wire; `data` becomes JSON. */
export function eventFrame(event: string, data: unknown, id?: string): Buffer {
  const head = `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\n`;
  return Buffer.from(`${head}data: ${JSON.stringify(data)}\n\n`);
}

/** Counts a reader in; returns how to count them out. */
function enter({ person, open }: StreamReader): () => void {
  const already = open.get(person) ?? 0;
  if (already >= maxStreamsPerPerson)
    throw new HttpError(
      'too-many-requests',
      `${maxStreamsPerPerson} live pages are open already; close one, or read this one without live changes.`,
    );
  open.set(person, already + 1);
  return () => {
    const left = (open.get(person) ?? 1) - 1;
    if (left === 0) open.delete(person);
    else open.set(person, left);
  };
}
