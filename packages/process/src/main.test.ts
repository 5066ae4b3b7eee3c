import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const directory = mkdtempSync(join(tmpdir(), 'airlock-main-'));
after(() => {
  rmSync(directory, { recursive: true, force: true });
});
const source = (name: string): string => JSON.stringify(new URL(name, import.meta.url).href);

type Ended = { code: number | null; signal: string | null; events: Record<string, unknown>[] };

/** Starts a real process whose `start` is `body`; `signalWhenReady` is sent at `process.ready`. */
function run(
  body: string,
  options: {
    config?: string | null;
    env?: Record<string, string>;
    signals?: NodeJS.Signals[];
  } = {},
): Promise<Ended> {
  const entry = join(mkdtempSync(join(directory, 'p-')), 'entry.ts');
  writeFileSync(
    entry,
    `import { runProcess } from ${source('./main.ts')};
     import { ConfigurationError } from ${source('./config.ts')};
     import { failpoint } from ${source('./failpoint.ts')};
     import { z } from ${JSON.stringify(import.meta.resolve('zod'))};
     await runProcess({ name: 'test', schema: z.strictObject({ word: z.string() }),
       async start(config, runtime) { ${body} } });`,
  );
  const args = ['--conditions=source', entry];
  if (options.config !== null) {
    const file = `${entry}.yaml`;
    writeFileSync(file, options.config ?? 'word: hello\n');
    args.push('--config', file);
  }
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  let signalled = false;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
    if (output.includes('process.ready') && !signalled) {
      signalled = true;
      for (const signal of options.signals ?? ['SIGTERM']) child.kill(signal);
    }
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      const events = output
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Record<string, unknown>); // our own log, one object a line
      resolve({ code, signal, events });
    });
  });
}

const names = (ended: Ended): unknown[] => ended.events.map((event) => event['event.action']);
const keepAlive = 'setInterval(() => {}, 1000);';

test('ready, then a clean end on SIGTERM with the closers in reverse', async () => {
  const ended = await run(`${keepAlive}
    runtime.listening('http://127.0.0.1:1');
    runtime.onClose(() => { runtime.log.info('first.closed', { word: config.word }); });
    runtime.onClose(async () => { runtime.log.info('second.closed', { aborted: runtime.signal.aborted }); });`);
  assert.equal(ended.code, 0);
  assert.deepEqual(names(ended), [
    'process.ready',
    'second.closed',
    'first.closed',
    'process.stopped',
  ]);
  assert.deepEqual(ended.events[0]?.['listen'], ['http://127.0.0.1:1']);
  assert.equal(ended.events[1]?.['aborted'], true);
  assert.equal(ended.events[2]?.['word'], 'hello');
});

test('SIGUSR1 opens no inspector and ends nothing', async () => {
  const ended = await run(
    `${keepAlive}
    process.on('SIGUSR1', () => setTimeout(async () => {
      const { url } = await import('node:inspector');
      runtime.log.info('inspector', { open: url() !== undefined });
      process.kill(process.pid, 'SIGTERM');
    }, 200));`,
    { signals: ['SIGUSR1'] },
  );
  assert.equal(ended.code, 0);
  assert.equal(ended.events[1]?.['open'], false);
});

test('a faulty configuration ends with 78 and one message that names file and key', async () => {
  const ended = await run(keepAlive, { config: 'wrod: hello\n' });
  assert.equal(ended.code, 78);
  assert.equal(names(ended)[0], 'process.configuration-refused');
  assert.match(String(ended.events[0]?.['message']), /entry\.ts\.yaml: word: required and missing/);
});

test('no --config is a configuration fault', async () => {
  const ended = await run(keepAlive, { config: null });
  assert.equal(ended.code, 78);
  assert.match(String(ended.events[0]?.['message']), /usage: --config FILE\.yaml/);
});

test('a configuration fault found while starting ends with 78 after the closers', async () => {
  const ended = await run(`
    runtime.onClose(() => runtime.log.info('closed'));
    throw new ConfigurationError('configuration-refused', 'port 1 is taken');`);
  assert.equal(ended.code, 78);
  assert.deepEqual(names(ended), ['process.configuration-refused', 'closed', 'process.stopped']);
});

test('any other failure ends with 1', async () => {
  const ended = await run(`throw new Error('boom');`);
  assert.equal(ended.code, 1);
  assert.equal(names(ended)[0], 'process.crashed');
});

test('a rejection nobody handles ends with 1', async () => {
  const ended = await run(
    `${keepAlive} setTimeout(() => { Promise.reject(new Error('boom')); }, 10);`,
    {
      signals: [],
    },
  );
  assert.equal(ended.code, 1);
  assert.ok(names(ended).includes('process.crashed'));
});

test('a closer that hangs does not keep the process beyond 5 s', async () => {
  const startedAt = Date.now();
  const ended = await run(`${keepAlive} runtime.onClose(() => new Promise(() => {}));`);
  assert.equal(ended.code, 1);
  assert.equal(names(ended).at(-1), 'process.stop-timeout');
  assert.ok(Date.now() - startedAt < 8_000);
});

test('a failpoint kills at the passage it names, at no other, and never outside the demo', async () => {
  const body = `
    failpoint('other'); failpoint('here'); runtime.log.info('passed.once');
    failpoint('here'); runtime.log.info('passed.twice'); ${keepAlive}`;
  const killed = await run(body, { env: { AIRLOCK_FAILPOINT: 'here:2', AIRLOCK_DEMO: '1' } });
  assert.equal(killed.signal, 'SIGKILL');
  assert.deepEqual(names(killed), ['passed.once']);
  const unharmed = await run(body, { env: { AIRLOCK_FAILPOINT: 'here:2' } });
  assert.equal(unharmed.code, 0);
});
