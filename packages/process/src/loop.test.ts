import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from './log.ts';
import { startLoop } from './loop.ts';

function recordingLog(): { log: Log; events: string[] } {
  const events: string[] = [];
  const at = (event: string): void => {
    events.push(event);
  };
  return { log: { debug: at, info: at, warn: at, error: at }, events };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, 'condition not reached within 5 s');
    await sleep(2);
  }
}

test('runs at once and then after each interval, never twice at a time', async (t) => {
  const stop = new AbortController();
  t.after(() => {
    stop.abort();
  });
  let runs = 0;
  let atOnce = 0;
  const loop = startLoop({
    name: 'sweep',
    intervalMs: 5,
    signal: stop.signal,
    log: recordingLog().log,
    async run() {
      atOnce += 1;
      assert.equal(atOnce, 1);
      await sleep(10);
      atOnce -= 1;
      runs += 1;
    },
  });
  await until(() => runs >= 3);
  stop.abort();
  await loop.done;
  const afterStop = runs;
  await sleep(30);
  assert.equal(runs, afterStop);
});

test('a ring cuts the pause short', async (t) => {
  const stop = new AbortController();
  t.after(() => {
    stop.abort();
  });
  let runs = 0;
  const loop = startLoop({
    name: 'sweep',
    intervalMs: 60_000,
    signal: stop.signal,
    log: recordingLog().log,
    run() {
      runs += 1;
      return Promise.resolve();
    },
  });
  await until(() => runs === 1);
  await sleep(20);
  loop.wake();
  await until(() => runs === 2);
  stop.abort();
  await loop.done;
});

test('a ring during a run is not lost', async (t) => {
  const stop = new AbortController();
  t.after(() => {
    stop.abort();
  });
  let runs = 0;
  const loop = startLoop({
    name: 'sweep',
    intervalMs: 60_000,
    signal: stop.signal,
    log: recordingLog().log,
    async run() {
      runs += 1;
      if (runs === 1) loop.wake();
      await sleep(1);
    },
  });
  await until(() => runs === 2);
  stop.abort();
  await loop.done;
});

test('a lasting failure is logged once, a changed one again, and its end too', async (t) => {
  const stop = new AbortController();
  t.after(() => {
    stop.abort();
  });
  const { log, events } = recordingLog();
  let runs = 0;
  const loop = startLoop({
    name: 'sweep',
    intervalMs: 1,
    signal: stop.signal,
    log,
    run() {
      runs += 1;
      if (runs <= 3) return Promise.reject(new Error('one'));
      if (runs <= 5) return Promise.reject(new Error('two'));
      return Promise.resolve();
    },
  });
  await until(() => runs >= 7);
  stop.abort();
  await loop.done;
  assert.deepEqual(events, ['loop.failing', 'loop.failing', 'loop.recovered']);
});

test('rings do not turn a failing loop into a busy one', async (t) => {
  const stop = new AbortController();
  t.after(() => {
    stop.abort();
  });
  let runs = 0;
  const loop = startLoop({
    name: 'sweep',
    intervalMs: 1_000,
    signal: stop.signal,
    log: recordingLog().log,
    run() {
      runs += 1;
      return Promise.reject(new Error('down'));
    },
  });
  await until(() => runs === 1);
  for (let ring = 0; ring < 50; ring++) {
    loop.wake();
    await sleep(1);
  }
  assert.equal(runs, 1);
  stop.abort();
  await loop.done;
});

test('a loop that rests does what it is rung for in one go, later each time that it is rung before it has rested', async () => {
  const end = new AbortController();
  const began: number[] = [];
  const loop = startLoop({
    ...{
      name: 'resting',
      intervalMs: 60_000,
      signal: end.signal,
      log: recordingLog().log,
      rest: 4,
    },
    async run() {
      began.push(performance.now());
      await sleep(40);
    },
  });
  const ringing = setInterval(() => {
    loop.wake();
  }, 5);
  try {
    while (began.length < 5) await sleep(5);
  } finally {
    clearInterval(ringing);
    end.abort();
    await loop.done;
  }
  const gaps = began.slice(1).map((at, index) => at - (began[index] ?? 0));
  // A run of 40 ms, and once, twice, four times as long to rest.
  const least = [75, 115, 195, 195];
  assert.ok(
    gaps.every((gap, index) => gap >= (least[index] ?? 0)),
    gaps.join(' '),
  );
});
