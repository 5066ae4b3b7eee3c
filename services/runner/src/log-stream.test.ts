import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMasker, maskText, type Masker } from '@airlock/masking/masker';
import { createLogStream, type LogPiece } from './log-stream.ts';

function collecting(
  options: { delayMs?: number; maxBytes?: number; masker?: Masker; holdBack?: number } = {},
) {
  const { delayMs = 0, maxBytes = 1 << 30, masker = createMasker(), holdBack = 0 } = options;
  const sent: (Omit<LogPiece, 'bytes'> & { bytes: Buffer })[] = [];
  const kept = new Map<string, Buffer>();
  const log = createLogStream({
    ...{ maxBytes, masker },
    send: async (piece) => {
      if (delayMs > 0) await sleep(delayMs);
      const bytes = Buffer.concat(piece.bytes);
      sent.push({ ...piece, bytes });
      const before = kept.get(piece.step) ?? Buffer.alloc(0);
      const end = piece.isEnd ? bytes.length : Math.max(0, bytes.length - holdBack);
      assert.equal(piece.offset, before.length);
      kept.set(piece.step, Buffer.concat([before, bytes.subarray(0, end)]));
      return piece.offset + end;
    },
  });
  const text = (step = 'build') => (kept.get(step) ?? Buffer.alloc(0)).toString();
  return { sent, log, text };
}

test('small writes travel together, and not much later than they were written', async () => {
  const { sent, log, text } = collecting();
  await log.write('build', Buffer.from('a'));
  await log.write('build', Buffer.from('b'));
  assert.equal(sent.length, 0);
  await sleep(100);
  assert.equal(sent.length, 1);
  assert.equal(text(), 'ab');
});

test('the first line of a step, which is the runner’s own, travels with what the step says next', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { sent, log } = collecting();
  const sentAfter = (milliseconds: number): string[] => {
    t.mock.timers.tick(milliseconds);
    return sent.map(({ bytes }) => bytes.toString());
  };
  await log.write('build', Buffer.from('image\n'));
  assert.deepEqual(sentAfter(20), []);
  await log.write('build', Buffer.from('hello\n'));
  assert.deepEqual(sentAfter(1), ['image\nhello\n']);
  t.mock.timers.reset();
  const silent = collecting();
  await silent.log.write('build', Buffer.from('image\n'));
  await sleep(100);
  assert.equal(silent.text(), 'image\n');
});

test('each step has a log of its own, however they take turns, and each is ended', async () => {
  const { sent, log, text } = collecting();
  for (let at = 0; at < 100; at += 1) {
    await log.write(at % 2 === 0 ? 'build' : 'test', Buffer.from(`${at}\n`));
    if (at % 10 === 0) await sleep(1);
  }
  await log.end();
  const numbers = (step: string) => text(step).trim().split('\n').map(Number);
  assert.deepEqual(
    numbers('build'),
    Array.from({ length: 50 }, (_, at) => at * 2),
  );
  assert.deepEqual(
    numbers('test'),
    Array.from({ length: 50 }, (_, at) => at * 2 + 1),
  );
  assert.deepEqual(
    sent
      .filter(({ isEnd }) => isEnd)
      .map(({ step }) => step)
      .sort(),
    ['build', 'test'],
  );
});

test('of a log that nonprod has the whole of, nothing is sent for its end alone', async () => {
  const { sent, log, text } = collecting({ delayMs: 20 });
  await log.write('build', Buffer.from('a\n'));
  await sleep(30);
  await log.end();
  assert.deepEqual(
    sent.map(({ isEnd }) => isEnd),
    [false],
  );
  assert.equal(text(), 'a\n');
});

test('no piece is larger than a mebibyte and no byte is lost, also where nonprod holds an end back', async () => {
  for (const holdBack of [0, 7]) {
    const { sent, log, text } = collecting({ holdBack });
    const bytes = Buffer.from(Array.from({ length: 400_000 }, (_, at) => `${at}`).join('\n'));
    for (let at = 0; at < bytes.length; at += 300_000) {
      await log.write('build', bytes.subarray(at, at + 300_000));
    }
    await log.end();
    assert.ok(sent.every((piece) => piece.bytes.length <= 1024 * 1024));
    assert.equal(text(), bytes.toString());
  }
});

test('what nonprod holds back is not sent again and again while nothing is written', async () => {
  const { sent, log } = collecting({ holdBack: 3 });
  await log.write('build', Buffer.from('abc'));
  await sleep(100);
  assert.equal(sent.length, 1);
  await log.end();
  assert.deepEqual(
    sent.map(({ offset, bytes }) => [offset, bytes.toString()]),
    [
      [0, 'abc'],
      [0, 'abc'],
    ],
  );
});

test('a secret is masked before it leaves, also one that is added while the job runs', async () => {
  const masker = createMasker([Buffer.from('hunter2-hunter2')]);
  const { sent, log, text } = collecting({ masker });
  await log.write('build', Buffer.from('say hunter2-'));
  await sleep(50);
  await log.write('build', Buffer.from('hunter2!\n'));
  masker.add([Buffer.from('swordfish')]);
  await log.write('test', Buffer.from(Buffer.from('swordfish').toString('base64')));
  await log.end();
  assert.equal(text(), `say ${maskText}!\n`);
  assert.equal(text('test'), maskText);
  assert.ok(!Buffer.concat(sent.map(({ bytes }) => bytes)).includes('hunter2'));
});

test('a writer that is faster than the receiver waits', async () => {
  const { sent, log } = collecting({ delayMs: 5 });
  for (let index = 0; index < 20; index += 1) await log.write('build', Buffer.alloc(1024 * 1024));
  assert.ok(sent.length >= 15, `${sent.length} pieces sent`);
});

test('a writer that waits goes on as soon as one piece was taken, not when all were', async () => {
  const answers: (() => void)[] = [];
  const log = createLogStream({
    ...{ maxBytes: 1 << 30, masker: createMasker() },
    send: ({ offset, bytes }) =>
      new Promise((resolve) => {
        const length = bytes.reduce((sum, part) => sum + part.length, 0);
        answers.push(() => {
          resolve(offset + length);
        });
      }),
  });
  let hasWritten = false;
  const writing = log.write('build', Buffer.alloc(2.5 * 1024 * 1024)).then(() => {
    hasWritten = true;
  });
  await sleep(20);
  assert.deepEqual([answers.length, hasWritten], [1, false]);
  answers.shift()?.();
  await writing;
  // The next is on its way already, and nobody has taken it.
  await sleep(0);
  assert.equal(answers.length, 1);
  const ended = log.end();
  for (let asked = 0; asked < 100; asked += 1) {
    answers.shift()?.();
    await sleep(1);
  }
  await ended;
});

test('what was written comes once and in order, though its memory is used again and some of each piece comes again', async () => {
  const kept: Buffer[] = [];
  const log = createLogStream({
    ...{ maxBytes: 1 << 30, masker: createMasker() },
    send: async ({ offset, bytes, isEnd }) => {
      // Looked at when it is answered, after more was written.
      await sleep(2);
      const all = Buffer.concat(bytes);
      const taken = isEnd ? all.length : Math.max(0, all.length - 1_000);
      kept.push(all.subarray(0, taken));
      return offset + taken;
    },
  });
  const written: Buffer[] = [];
  for (let at = 0; at < 200; at += 1) {
    const bytes = Buffer.from(`${at} `.repeat((at * 37) % 9_000));
    written.push(Buffer.from(bytes));
    await log.write('build', bytes);
    // Whoever wrote it uses its memory for something else.
    bytes.fill(120);
    if (at % 20 === 0) await sleep(3);
  }
  await log.end();
  assert.ok(Buffer.concat(kept).equals(Buffer.concat(written)));
});

test('a log that grew too long says so once and ends', async () => {
  const { log, text } = collecting({ maxBytes: 10 });
  for (const part of ['12345', '67890', 'abc', 'def']) await log.write('build', Buffer.from(part));
  await log.end();
  assert.match(text(), /^1234567890abc\nThe log ends here: 10 bytes[^\n]*\n$/);
});

test('a log that is cut within a secret does not end in the beginning of it, in no step', async () => {
  const masker = createMasker([Buffer.from('correct horse battery')]);
  const { log, text } = collecting({ maxBytes: 40, masker });
  await log.write('other', Buffer.from('say correct hor'));
  await log.write('build', Buffer.from('some words and then correct horse batt'));
  await log.write('build', Buffer.from('ery'));
  await log.write('other', Buffer.from('se battery'));
  await log.end();
  assert.match(text('build'), /^some words and then \nThe log ends here/);
  assert.equal(text('other'), 'say ');
});

test('what sending throws is thrown at the next write and at the end', async () => {
  const failure = new Error('lease lost');
  const send = () => Promise.reject(failure);
  const log = createLogStream({ maxBytes: 100, masker: createMasker(), send });
  await log.write('build', Buffer.from('a'));
  await assert.rejects(log.end(), failure);
  await assert.rejects(log.write('build', Buffer.from('b')), failure);
});
