/** A developer’s runs from the command line: started, followed, cancelled, tried again. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Pair } from '@airlock/demo/pair';
import { commandLine, type CommandLine } from '../support/command-line.ts';
import { branchWith, idIn, shown, started, type Run } from '../support/manual-runs.ts';
import { runningPair } from '../support/pair.ts';

let pair: Pair;
let shell: CommandLine;
before(async () => {
  pair = await runningPair();
  shell = commandLine(pair);
});
after(() => {
  shell.dispose();
});

async function says(...args: string[]): Promise<string> {
  const { status, text } = await shell.airlock(...args);
  assert.equal(status, 0, text);
  return text;
}

test('logs --follow prints lines while the step runs, and ends with 5 when the run is cancelled', async () => {
  const branch = await branchWith(pair, ['echo first', 'sleep 300']);
  const id = await started(shell, branch);
  await shown(shell, id, () => true);
  const cancelled: Promise<string>[] = [];
  const followed = await shell.watched(
    (text) => {
      if (cancelled.length === 0 && /^first$/m.test(text)) {
        cancelled.push(says('run', 'cancel', id));
      }
    },
    ...['logs', id, '--follow'],
  );
  assert.equal(cancelled.length, 1, followed.text);
  await cancelled[0];
  assert.equal(followed.status, 5, followed.text);
  assert.match(followed.text, new RegExp(`${id} cancelled`));
});

test('logs --follow prints each line once, and ends with 5 when the run fails', async () => {
  const branch = await branchWith(pair, [
    'echo first',
    'printf "tab\\there\\n"',
    'echo last',
    'exit 3',
  ]);
  const id = await started(shell, branch);
  await shown(shell, id, () => true);
  const followed = await shell.airlock('logs', id, '--follow');
  assert.equal(followed.status, 5, followed.text);
  const lines = followed.text.split('\n').map((line) => line.replace(/^.* \| /, ''));
  for (const line of ['first', 'tab\there', 'last']) {
    assert.equal(lines.filter((each) => each === line).length, 1, followed.text);
  }
  assert.match(followed.text, new RegExp(`${id} failed`));
  const again = await says('logs', id, '--step', 'talk', '--grep', 'last');
  assert.deepEqual(
    again.split('\n').filter((line) => line === 'last' || line === 'first'),
    ['last'],
  );
  const noStep = await shell.airlock('logs', id, '--step', 'sing');
  assert.equal(noStep.status, 2);
  assert.match(noStep.text, /no such step; it has .*\/talk/);
});

test('a run is started, found in the list, cancelled, and tried again from the command line', async () => {
  const branch = await branchWith(pair, ['sleep 120']);
  const id = await started(shell, branch);
  await shown(shell, id, ({ state }) => state === 'running');
  const { runs } = JSON.parse(await says('run', 'list', '--limit', '200', '-o', 'json')) as {
    runs: Run[];
  };
  assert.equal(runs.find((run) => run.id === id)?.branch, branch);
  assert.match(await says('run', 'list', '--limit', '200'), new RegExp(`${id}  running`));
  assert.equal(
    (JSON.parse(await says('run', 'list', '--limit', '1', '-o', 'json')) as { runs: Run[] }).runs
      .length,
    1,
  );
  assert.match(await says('run', 'cancel', id), new RegExp(id));
  await shown(shell, id, ({ state }) => state === 'cancelled');
  const retried = idIn(await says('run', 'retry', id));
  assert.notEqual(retried, id);
  await shown(shell, retried, ({ state }) => state === 'running');
  await says('run', 'cancel', retried);
  await shown(shell, retried, ({ state }) => state === 'cancelled');
});

test('every runner is in the API: its pool, what it may do, its last word and until when it is who it is', async () => {
  const dana = await pair.signIn('nonprod', 'dana');
  const { runners } = (await dana.getJson('/api/v1/runners')) as {
    runners: Record<string, unknown>[];
  };
  const [first] = runners;
  assert.ok(first, 'the pair has one');
  for (const runner of runners) assert.deepEqual(Object.keys(runner), Object.keys(first));
  assert.doesNotMatch(JSON.stringify(runners), /PRIVATE KEY|BEGIN/);
  const own = runners.find(({ id }) => id === 'runner-1') ?? assert.fail(JSON.stringify(runners));
  assert.equal(own['pool'], 'default');
  assert.ok(Date.parse(String(own['lastSeenAt'])) <= Date.now());
  assert.ok(['active', 'draining', 'quarantined'].includes(String(own['state'])));
  const { notAfter } = own['certificate'] as { notAfter: string };
  assert.ok(Date.parse(notAfter) > Date.now());
});
