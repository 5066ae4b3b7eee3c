import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { runSandboxed } from '@airlock/sandbox/bubblewrap';
import { agentInside, agentSocketInside, startSshAgent } from './ssh-agent.ts';

const root = mkdtempSync(join(tmpdir(), 'airlock-agent-'));
after(() => {
  rmSync(root, { recursive: true });
});
const passphrase = 'correct horse battery';
const file = join(root, 'key');
execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', passphrase, '-C', 'deploy', '-f', file]);
const privateKey = readFileSync(file);
const publicKey = readFileSync(`${file}.pub`, 'utf8').trim();
rmSync(file);
let agents = 0;

const start = (secret: string, key = privateKey) =>
  startSshAgent({
    directory: join(root, `agent-${(agents += 1)}`),
    ...{
      privateKey: key,
      passphrase: Buffer.from(secret),
      knownHosts: 'git.example ssh-ed25519 AAAA\n',
    },
    lifetimeSeconds: 60,
    signal: new AbortController().signal,
  });

/** What a step's commands print that sees the agent's directory. */
async function step(directory: string, commands: string): Promise<string> {
  let output = '';
  await runSandboxed({
    command: ['/bin/sh', '-c', commands],
    env: { PATH: '/usr/bin:/bin', HOME: '/tmp', SSH_AUTH_SOCK: agentSocketInside },
    binds: [{ source: directory, target: agentInside }],
    files: [],
    workingDirectory: '/tmp',
    hostname: 'build',
    limits: { wallSeconds: 20, fileBytes: 1_000_000, processes: 32, openFiles: 64 },
    onOutput: (_, chunk) => {
      output += chunk.toString();
    },
  });
  return output;
}

test('a step signs with a key whose passphrase it does not know, and sees the key nowhere', async () => {
  const agent = await start(passphrase);
  const output = await step(
    agent.directory,
    `ssh-add -L | tee /tmp/key.pub; echo message >/tmp/m; ssh-keygen -q -Y sign -n test -f /tmp/key.pub /tmp/m
     echo "test $(cat /tmp/key.pub)" >/tmp/allowed
     ssh-keygen -Y verify -n test -I test -f /tmp/allowed -s /tmp/m.sig </tmp/m
     ls ${agentInside}; touch ${agentInside}/x; echo "agents: $(cat /proc/[0-9]*/comm | grep -c agent)"`,
  );
  assert.ok(output.startsWith(publicKey), output);
  assert.match(output, /Good "test" signature/);
  assert.match(output, /agent\.sock\nknown_hosts\n/);
  assert.match(output, /Read-only file system/);
  // What it says and what it complains of come by two pipes, in no order.
  assert.match(output, /\nagents: 0\n/);
  const kept = readFileSync(join(agent.directory, 'known_hosts'), 'utf8');
  assert.equal(kept, 'git.example ssh-ed25519 AAAA\n');
  await agent.stop();
  assert.equal(existsSync(agent.directory), false);
});

test('the agent is gone when it is stopped, and with it the key', async () => {
  const agent = await start(passphrase);
  const using = step(
    agent.directory,
    'ssh-add -L >/dev/null && echo before; while [ -S $SSH_AUTH_SOCK ]; do sleep 0.1; done; ssh-add -L',
  );
  await delay(1000);
  await agent.stop();
  assert.match(await using, /^before\n.*(Error connecting to agent|No such file)/s);
});

test('a wrong passphrase and what is no key are told, and nothing is left', async () => {
  const attempts = [() => start('wrong'), () => start('', Buffer.from('no key\n'))];
  for (const attempt of attempts) {
    await assert.rejects(attempt(), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'ssh-key-unusable');
      return /passphrase is wrong|Error loading key/.test(error.message);
    });
  }
  assert.equal(existsSync(join(root, `agent-${agents}`)), false);
});
