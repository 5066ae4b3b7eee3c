import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startReceiver, type Receiver } from '@airlock/notify/testing/receiver';
import { Command } from 'commander';
import { CliError } from '../exit-codes.ts';
import { registerNotify } from './notify.ts';

const directory = mkdtempSync(join(tmpdir(), 'airlock-notify-'));
const config = join(directory, 'intake.yaml');
let receiver: Receiver;
before(async () => {
  receiver = await startReceiver();
  writeFileSync(join(directory, 'chat.url'), `http://127.0.0.1:${receiver.port}/hook\n`);
  writeFileSync(
    config,
    `gate: https://gate.example
pollSeconds: 5
notify:
  channels: { chat: { kind: slack, urlFile: chat.url } }
  reachable: [127.0.0.0/8]
`,
  );
});
after(async () => {
  await receiver.close();
  rmSync(directory, { recursive: true });
});

async function notify(...args: string[]): Promise<string[]> {
  const printed: string[] = [];
  const program = new Command().exitOverride();
  registerNotify(program, (lines) => printed.push(...lines));
  await program.parseAsync(['notify', ...args], { from: 'user' });
  return printed;
}

test('a test goes where the configuration says, and says that it is one', async () => {
  assert.deepEqual(await notify('test', 'chat', '--config', config), ['sent to chat']);
  assert.match(receiver.received[0]?.body.toString() ?? '', /Test of the channel chat: nothing/);
});

test('an unknown channel is named beside those that there are', async () => {
  await assert.rejects(
    notify('test', 'pager', '--config', config),
    (cause) => cause instanceof CliError && /no channel pager; it has: chat/.test(cause.message),
  );
});

test('what is not sent ends with the reason and exit code 7', async () => {
  writeFileSync(join(directory, 'chat.url'), 'http://127.0.0.1:1/hook');
  await assert.rejects(
    notify('test', 'chat', '--config', config),
    (cause) => cause instanceof CliError && cause.exitCode === 7 && /not sent/.test(cause.message),
  );
});
