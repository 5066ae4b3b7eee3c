/** Real commands: what they are given, and what is said when they fail. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createExecutor } from './executor.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-executor-'));
after(() => {
  rmSync(directory, { recursive: true });
});

const order = {
  ...{ pool: 'cloud', wanted: 3, size: 'large', url: 'https://ci.example:26086' },
  tokens: ['arj1.one', 'arj1.two'],
};
const { signal } = new AbortController();
const run = (command: readonly string[], timeoutSeconds = 20, ending = signal): Promise<void> =>
  createExecutor({ command, timeoutSeconds }, ending)(order);

test('the order comes on standard input; arguments are as configured, and nothing of this process is in the environment', async () => {
  const script = join(directory, 'tell.mjs');
  const told = join(directory, 'told.json');
  writeFileSync(
    script,
    `import { readFileSync, writeFileSync } from 'node:fs';
     const [file, ...args] = process.argv.slice(2);
     const input = JSON.parse(readFileSync(0, 'utf8'));
     writeFileSync(file, JSON.stringify({ args, input, names: Object.keys(process.env) }));`,
  );
  process.env['AIRLOCK_EXECUTOR_TEST'] = 'of this process';
  try {
    await run([process.execPath, script, told, '$(id)', 'a b;c']);
  } finally {
    delete process.env['AIRLOCK_EXECUTOR_TEST'];
  }
  const { args, input, names } = JSON.parse(readFileSync(told, 'utf8')) as Record<string, unknown>;
  assert.deepEqual(args, ['$(id)', 'a b;c']);
  assert.deepEqual(input, order);
  assert.ok(
    Array.isArray(names) && names.includes('PATH') && !names.includes('AIRLOCK_EXECUTOR_TEST'),
  );
});

test('a command that fails is told of in its own words, and no token is in them', async () => {
  const words = 'echo "no room for arj1.one" >&2; exit 3';
  await assert.rejects(run(['/bin/sh', '-c', words]), {
    message: '/bin/sh for pool cloud ended with 3: no room for (token)',
  });
  await assert.rejects(run([join(directory, 'none')]), /cannot be started: .*ENOENT/);
});

test('one that does not read its input, says a lot and ends with 0 has done its work', async () => {
  await run(['/bin/sh', '-c', 'exec 0<&-; head -c 1000000 /dev/zero >&2; exit 0']);
});

test('one that takes too long ends with all that it started, and so does one whose process ends', async () => {
  const begun = performance.now();
  const slow = ['/bin/sh', '-c', 'sleep 60 & sleep 60'];
  await assert.rejects(run(slow, 1), /took over 1 s/);
  const ending = new AbortController();
  setTimeout(() => {
    ending.abort();
  }, 200);
  await assert.rejects(run(slow, 50, ending.signal), /was ended with this process/);
  assert.ok(performance.now() - begun < 20_000);
});
