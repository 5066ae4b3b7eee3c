import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LogChunk } from '@airlock/common/wire/runner-protocol';
import { createLogStream } from './log-stream.ts';

type Sent = Omit<LogChunk, 'lease'>;

function collecting(delayMs = 0, maxBytes = 1 << 30) {
  const sent: Sent[] = [];
  const log = createLogStream({
    maxBytes,
    send: async (chunk) => {
      if (delayMs > 0) await sleep(delayMs);
      sent.push(chunk);
    },
  });
  const text = () => sent.map(({ bytes }) => Buffer.from(bytes, 'base64').toString()).join('');
  return { sent, log, text };
}

test('small writes travel together, not later than a tenth of a second', async () => {
  const { sent, log, text } = collecting();
  await log.write('build', Buffer.from('a'));
  await log.write('build', Buffer.from('b'));
  assert.equal(sent.length, 0);
  await sleep(200);
  assert.equal(sent.length, 1);
  assert.equal(text(), 'ab');
});

test('chunks carry their step and count on through all steps', async () => {
  const { sent, log } = collecting();
  await log.write('build', Buffer.from('a'));
  await log.write('test', Buffer.from('b'));
  await log.end();
  assert.deepEqual(
    sent.map(({ step, sequence }) => [step, sequence]),
    [
      ['build', 0],
      ['test', 1],
    ],
  );
});

test('no chunk is larger than 64 KiB and no byte is lost', async () => {
  const { sent, log, text } = collecting();
  const bytes = Buffer.alloc(200_000, 'x');
  await log.write('build', bytes);
  await log.end();
  assert.ok(sent.every((chunk) => Buffer.from(chunk.bytes, 'base64').length <= 65_536));
  assert.equal(text(), bytes.toString());
});

test('a writer that is faster than the receiver waits', async () => {
  const { sent, log } = collecting(5);
  for (let index = 0; index < 20; index += 1) await log.write('build', Buffer.alloc(65_536));
  assert.ok(sent.length >= 10, `${sent.length} chunks sent`);
});

test('a log that grew too long says so once and ends', async () => {
  const { log, text } = collecting(0, 10);
  for (const part of ['12345', '67890', 'abc', 'def']) await log.write('build', Buffer.from(part));
  await log.end();
  assert.match(text(), /^1234567890\nThe log ends here: 10 bytes[^\n]*\n$/);
});

test('what sending throws is thrown at the next write and at the end', async () => {
  const failure = new Error('lease lost');
  const log = createLogStream({ maxBytes: 100, send: () => Promise.reject(failure) });
  await log.write('build', Buffer.from('a'));
  await assert.rejects(log.end(), failure);
  await assert.rejects(log.write('build', Buffer.from('b')), failure);
});
