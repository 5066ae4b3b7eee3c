import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ProcessName } from '@airlock/demo/names';
import { createBrowser } from '@airlock/testkit/browser';
import { runningPair } from '../support/pair.ts';

const listening = '0A';

/** Local addresses (hexadecimal, as /proc has them) on which a process listens by TCP. */
function tcpListeners(pid: number): string[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        // Closed since the directory was read.
        return [];
      }
    }),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter(([, , , state, , , , , , inode = '']) => state === listening && inodes.has(inode))
      .map(([, address = '']) => address),
  );
}

const loopback = /^(0100007F|0000000000000000FFFF00000100007F|00000000000000000000000001000000):/;
const silent: readonly ProcessName[] = [
  'gate-intake',
  'gate-authority',
  'gate-deliverer',
  'gate-watchdog',
  'signer',
  'runner',
  'nonprod-scheduler',
];
const open: readonly ProcessName[] = ['gate-web', 'nonprod-web', 'nonprod-outbox'];

test('intake, authority, deliverer, watchdog, signer, runner and scheduler listen on no network', async (t) => {
  if (process.platform !== 'linux') {
    t.skip('reads /proc');
    return;
  }
  const pair = await runningPair();
  for (const name of silent) assert.deepEqual(tcpListeners(pair.process(name).pid), [], name);
});

test('what does listen, listens on the address it was given and on no other', async (t) => {
  if (process.platform !== 'linux') {
    t.skip('reads /proc');
    return;
  }
  const pair = await runningPair();
  for (const name of open) {
    const found = tcpListeners(pair.process(name).pid);
    assert.ok(found.length >= 1, name);
    for (const address of found) assert.match(address, loopback, name);
  }
});

test('strangers are told nowhere what it is: no header, cookie, problem, page, style sheet or script names it', async () => {
  const pair = await runningPair();
  const assets = readdirSync(join(import.meta.dirname, '../../dist/assets'));
  assert.ok(assets.some((file) => file.endsWith('.js')));
  const paths = [
    ...['/', '/nowhere', '/api/v1/me', '/auth/signed-out', '/auth/sign-in', '/auth/saml/acs'],
    ...['/hooks/git/github', '/queue', '/runs', '/livez'],
    ...assets.map((file) => `/assets/${file}`),
  ];
  for (const origin of [pair.gateOrigin, pair.nonprodOrigin]) {
    for (const path of paths) {
      for (const accept of ['text/html', 'application/json']) {
        const { headers, body } = await createBrowser().send(`${origin}${path}`, {
          headers: { accept },
        });
        // Where people sign in is the installation's own name.
        const told = JSON.stringify({ ...headers, location: undefined });
        assert.doesNotMatch(`${told} ${body}`, /airlock/i, `${accept} of ${origin}${path}`);
      }
    }
  }
});
