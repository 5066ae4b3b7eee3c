import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { EventStream } from '@airlock/web/sse';
import { createLiveLogs } from './live-logs.ts';

const name = { jobId: 'job_0123456789', lease: 1, step: 'build' };

test('a log that grows all the time is shown in three frames at once and then one each 40 ms, the last with its last line', async () => {
  let lines = 0;
  let grown = (): void => {};
  const ended = new AbortController();
  const frames: string[] = [];
  const stream: EventStream = {
    send: () => {},
    sendFrame: (frame) => void frames.push(frame.toString()),
    backlog: () => 0,
    close: () => {
      ended.abort();
    },
    signal: ended.signal,
    lastEventId: null,
  };
  const live = createLiveLogs(
    {
      size: () => Promise.resolve({ lines, bytes: lines, isOpen: true }),
      lines: () => Promise.resolve([]),
      watch: (_, changed) => {
        grown = changed;
        return () => {};
      },
    },
    assert.ifError,
  );
  await live.follow(name, stream, { after: 0, mayGrow: true });
  frames.length = 0;
  const began = performance.now();
  for (let line = 1; line <= 150; line += 1) {
    lines = line;
    grown();
    await pause(1);
  }
  while (!(frames.at(-1) ?? '').includes(`"total":${lines}`)) {
    assert.ok(performance.now() - began < 15_000, 'its last line was never shown');
    await pause(1);
  }
  const most = 3 + Math.ceil((performance.now() - began) / 40);
  assert.ok(
    frames.length >= 3 && frames.length <= most,
    `${frames.length} frames, at most ${most}`,
  );
  stream.close();
});
