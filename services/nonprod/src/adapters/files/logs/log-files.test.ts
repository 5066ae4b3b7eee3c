import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createMasker, maskText } from '@airlock/masking/masker';
import type { LogName } from '../../../app/log-ports.ts';
import { createLogFiles, type LogFiles } from './log-files.ts';

const name: LogName = { jobId: 'job_a1', lease: 1, step: 'build' };

const opened = new Map<string, LogFiles[]>();

async function place(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'airlock-logs-'));
  t.after(async () => {
    for (const logs of opened.get(directory) ?? []) await logs.end();
    await rm(directory, { recursive: true });
  });
  return directory;
}

function open(
  directory: string,
  more: { maxJobBytes?: number; secrets?: readonly string[]; now?: () => number } = {},
): LogFiles {
  const masker = createMasker((more.secrets ?? []).map((each) => Buffer.from(each)));
  const logs = createLogFiles({
    directory,
    maxJobBytes: more.maxJobBytes ?? 1e9,
    maskerOf: () => masker,
    now: more.now ?? (() => 1_000),
    onAccident: (_, error) => {
      throw error;
    },
  });
  opened.set(directory, [...(opened.get(directory) ?? []), logs]);
  return logs;
}

async function write(logs: LogFiles, text: string, to: Partial<LogName> = {}): Promise<void> {
  await logs.append({ ...name, ...to }, { offset: 0, bytes: Buffer.from(text), isEnd: true });
}

async function textOf(logs: LogFiles, of: LogName = name): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of logs.raw(of)) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString();
}

const numbered = (count: number): string =>
  Array.from({ length: count }, (_, at) => `line ${at + 1} ${'x'.repeat(at % 50)}\n`).join('');

test('any line is found by its number, while the step runs and after it was packed', async (t) => {
  const directory = await place(t);
  const logs = open(directory);
  const text = numbered(12_345);
  await logs.append(name, { offset: 0, bytes: Buffer.from(text), isEnd: false });
  const look = async (): Promise<void> => {
    for (const from of [1, 999, 1000, 1001, 1002, 7777, 12_345]) {
      const lines = await logs.lines(name, from, 3);
      const expected = text.split('\n').slice(from - 1, Math.min(from + 2, 12_345));
      assert.deepEqual(
        lines.map((line) => [line.n, line.text]),
        expected.map((each, at) => [from + at, each]),
      );
    }
    assert.deepEqual(await logs.lines(name, 12_346, 3), []);
    assert.equal((await logs.size(name))?.lines, 12_345);
    assert.equal(await textOf(logs), text);
  };
  await look();
  await logs.append(name, { offset: text.length, bytes: Buffer.alloc(0), isEnd: true });
  await look();
  await logs.end();
  assert.deepEqual((await readdir(join(directory, name.jobId))).sort(), [
    '1-build.index.json',
    '1-build.log.zst',
  ]);
  await look();
  assert.ok((await stat(join(directory, name.jobId, '1-build.log.zst'))).size < text.length / 3);
});

test('what comes twice is kept once, what is missing is named, an end that comes twice is answered', async (t) => {
  const logs = open(await place(t));
  const send = (offset: number, text: string, isEnd = false) =>
    logs.append(name, { offset, bytes: Buffer.from(text), isEnd });
  assert.equal(await send(0, 'abc'), 3);
  assert.equal(await send(0, 'abc'), 3);
  assert.equal(await send(2, 'cde'), 5);
  assert.equal(await send(9, 'x'), 10);
  assert.equal(await send(10, 'f', true), 11);
  assert.equal(await send(10, 'f', true), 11);
  await logs.end();
  assert.equal(await send(10, 'f', true), 11);
  assert.equal(await textOf(logs), 'abcde\n4 bytes were lost with the server here.\nxf');
});

test('a process that dies loses nothing that it confirmed: what has no record is dropped and taken again', async (t) => {
  const directory = await place(t);
  const secrets = ['hunter2-hunter2'];
  const first = open(directory, { secrets });
  const text = `one\ntwo ${secrets[0]}\nthree`;
  assert.equal(
    await first.append(name, { offset: 0, bytes: Buffer.from(text.slice(0, 15)), isEnd: false }),
    8,
  );
  // The next append was on its way: its bytes are there and its record is half there.
  await appendFile(join(directory, 'job_a1', '1-build.log'), 'half of something');
  await appendFile(join(directory, 'job_a1', '1-build.records'), Buffer.alloc(10));
  const second = open(directory, { secrets });
  assert.equal(
    await second.append(name, { offset: 8, bytes: Buffer.from(text.slice(8)), isEnd: true }),
    text.length,
  );
  assert.equal(await textOf(second), `one\ntwo ${maskText}\nthree`);
  await second.end();
});

test('ending a job ends also a log that was begun by a process before this one', async (t) => {
  const directory = await place(t);
  const secrets = ['hunter2-hunter2'];
  const text = 'one\ntwo hunter2';
  const first = open(directory, { secrets });
  await first.append(name, { offset: 0, bytes: Buffer.from('one\n'), isEnd: false });
  await first.end();
  const second = open(directory, { secrets });
  await second.append(
    { ...name, step: 'test' },
    { offset: 0, bytes: Buffer.from(text), isEnd: false },
  );
  await second.close(name);
  await second.close(name);
  await second.end();
  assert.deepEqual((await readdir(join(directory, name.jobId))).sort(), [
    '1-build.index.json',
    '1-build.log',
    '1-test.index.json',
    '1-test.log',
  ]);
  assert.equal(await textOf(second), 'one\n');
  assert.equal(await textOf(second, { ...name, step: 'test' }), text);
});

test('a log is followed in groups of 256 KiB at most, open and packed, from any line and as far as told', async (t) => {
  const logs = open(await place(t));
  const text = numbered(40_000);
  const all = text.split('\n').slice(0, -1);
  const look = async (): Promise<void> => {
    for (const [from, count] of [
      [1, undefined],
      [29_500, 7_001],
      [39_999, 5],
      [1, 0],
    ] as const) {
      const seen: string[] = [];
      for await (const group of logs.follow(name, from, count)) {
        const lines = group.map((line) => line.text);
        assert.ok(lines.join('').length <= 256 * 1024);
        seen.push(...lines);
      }
      assert.deepEqual(seen, all.slice(from - 1, from - 1 + (count ?? all.length)));
    }
  };
  await logs.append(name, { offset: 0, bytes: Buffer.from(text), isEnd: false });
  await look();
  await logs.append(name, { offset: text.length, bytes: Buffer.alloc(0), isEnd: true });
  await logs.end();
  await look();
});

test('an index that is lost is made again from the bytes', async (t) => {
  const directory = await place(t);
  const logs = open(directory);
  await write(logs, 'one\ntwo\n');
  await logs.end();
  await rm(join(directory, 'job_a1', '1-build.index.json'));
  const again = open(directory);
  assert.deepEqual(
    (await again.lines(name, 2, 1)).map(({ text }) => text),
    ['two'],
  );
});

test('intake masks across chunks, and says how far it has decided', async (t) => {
  const logs = open(await place(t), { secrets: ['hunter2-hunter2'] });
  assert.equal(
    await logs.append(name, { offset: 0, bytes: Buffer.from('say hunter2-'), isEnd: false }),
    4,
  );
  assert.equal(
    await logs.append(name, { offset: 4, bytes: Buffer.from('hunter2-hunter2!'), isEnd: false }),
    20,
  );
  await logs.close(name);
  assert.equal(await textOf(logs), `say ${maskText}!`);
});

test('of a line that was rewritten the last state is shown with how often, and a long line is cut with how much', async (t) => {
  const logs = open(await place(t));
  const bar = Array.from({ length: 50_000 }, (_, at) => `${at} of 50000\r`).join('');
  await write(logs, `10%\r50%\r100%\r\n${bar}done\n${'y'.repeat(200_000)}\nend`);
  const lines = await logs.lines(name, 1, 9);
  assert.deepEqual(
    lines.map(({ n, text, updates, cutBytes }) => [
      n,
      text.slice(0, 5),
      text.length,
      updates,
      cutBytes,
    ]),
    [
      [1, '100%', 4, 2, 0],
      [2, 'done', 4, 50_000, 0],
      [3, 'yyyyy', 8192, 0, 200_000 - 8192],
      [4, 'end', 3, 0, 0],
    ],
  );
  for (const line of lines) assert.deepEqual(await logs.lines(name, line.n, 1), [line]);
});

test('each line knows when it came', async (t) => {
  let clock = 5_000;
  const logs = open(await place(t), { now: () => clock });
  await logs.append(name, { offset: 0, bytes: Buffer.from('a\nb'), isEnd: false });
  clock = 9_000;
  await logs.append(name, { offset: 3, bytes: Buffer.from('b\nc\n'), isEnd: true });
  const seen = async () => (await logs.lines(name, 1, 3)).map(({ at }) => at?.getTime());
  assert.deepEqual(await seen(), [5_000, 9_000, 9_000]);
  await logs.end();
  assert.deepEqual(await seen(), [5_000, 9_000, 9_000]);
});

test('a flood ends with a word, for all steps of an attempt together', async (t) => {
  const logs = open(await place(t), { maxJobBytes: 100 });
  await write(logs, 'a'.repeat(60));
  await write(logs, 'b'.repeat(60), { step: 'test' });
  await write(logs, 'c'.repeat(60), { step: 'test', lease: 2 });
  assert.match(
    await textOf(logs, { ...name, step: 'test' }),
    /^b{40}\nThe log ends here: [^\n]+\n$/,
  );
  assert.equal((await textOf(logs, { ...name, step: 'test', lease: 2 })).length, 60);
});

test('readers are told of what came, and logs of all attempts are listed and deleted together', async (t) => {
  const directory = await place(t);
  const logs = open(directory);
  let told = 0;
  const stop = logs.watch(name, () => {
    told += 1;
  });
  await logs.append(name, { offset: 0, bytes: Buffer.from('a'), isEnd: false });
  assert.equal(told, 1);
  stop();
  await logs.close(name);
  await write(logs, 'again', { lease: 2 });
  assert.equal(told, 1);
  await logs.end();
  assert.deepEqual(
    (await logs.list('job_a1')).map(({ lease }) => lease),
    [1, 2],
  );
  assert.deepEqual(await logs.jobs(), ['job_a1']);
  assert.ok((await logs.remove('job_a1')) > 6);
  assert.equal(await logs.size(name), null);
  assert.deepEqual(await readdir(directory), []);
});

test('a name cannot lead out of the directory', async (t) => {
  const logs = open(await place(t));
  for (const step of ['../x', 'a/b', '', '.hidden']) {
    await assert.rejects(write(logs, 'x', { step }), TypeError);
  }
  await assert.rejects(write(logs, 'x', { jobId: '../job' }), TypeError);
});
