import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runsAsRoot } from '@airlock/sandbox/host';
import { openPodman } from '@airlock/sandbox/podman/store';
import { probeSandbox } from '@airlock/sandbox/probe';
import { createWorkspace } from '../workspace.ts';
import { accountIsolation } from './account.ts';
import { bubblewrapIsolation } from './bubblewrap.ts';
import { defaultAccounts } from './config.ts';
import type { Isolation } from './isolation.ts';
import { defaultLimits } from './limits.ts';
import { missingPodman } from './podman.fixture.ts';
import { machineInPodman } from './podman.ts';

const probe = await probeSandbox();
const missing = probe.available ? null : `${probe.reason}; ${probe.remedy}`;
if (missing !== null && process.env['CI'] === 'true') assert.fail(missing);

const withoutPodman = missingPodman();
if (withoutPodman !== false && process.env['CI'] === 'true') assert.fail(withoutPodman);
const podmanDirectory = mkdtempSync(join(tmpdir(), 'airlock-podman-'));
after(() => {
  rmSync(podmanDirectory, { recursive: true, force: true });
});
const inPodman =
  withoutPodman === false
    ? await machineInPodman(await openPodman(podmanDirectory), {
        node: realpathSync(process.execPath),
        limits: defaultLimits,
      })
    : null;

const modes: [Isolation, string | false][] = [
  ...(inPodman === null ? [] : [[inPodman, false] satisfies [Isolation, false]]),
  [bubblewrapIsolation({ nodeBinary: null }), missing ?? false],
  [
    accountIsolation({ accounts: defaultAccounts, nodeDirectory: null }),
    runsAsRoot() ? false : 'NOT TESTED: only root gives accounts away',
  ],
];

for (const [isolation, skip] of modes) {
  describe(`two builds (${isolation.mode})`, { skip }, () => {
    let directory: string;
    before(() => {
      mkdirSync('.test', { recursive: true });
      directory = mkdtempSync(join(process.cwd(), '.test', 'apart-'));
    });
    after(() => {
      rmSync(directory, { recursive: true, force: true });
    });

    async function run(workspace: string, command: string): Promise<string> {
      let output = '';
      await isolation.run({
        ...{ command: ['/bin/sh', '-c', command], env: {}, workspace, writable: true },
        ...{ wallSeconds: 30, signal: new AbortController().signal },
        onOutput: (_, chunk) => {
          output += chunk.toString();
        },
      });
      return output;
    }

    test('at the same time see nothing of one another: files, processes, memory, sockets', async () => {
      const [one, two] = [await createWorkspace(directory), await createWorkspace(directory)];
      const marker = `secret-of-one-${process.pid}`;
      const first = run(
        one.path,
        `echo ${marker} | tee /tmp/shared /dev/shm/shared > file; chmod 644 file
         perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, pack("Sa*", AF_UNIX, "\\0${marker}")) or die; listen($s, 1); sleep 4' &
         exec -a ${marker} sleep 4 2>/dev/null || exec perl -e '$0 = "${marker}"; sleep 4'`,
      );
      await sleep(1500);
      assert.equal(readFileSync(join(one.path, 'file'), 'utf8').trim(), marker);
      const seen = await run(
        two.path,
        `ls -A /tmp /dev/shm
         for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < $f; echo; done | grep -v grep | grep -c '^${marker}'
         cat ${one.path}/file /tmp/shared /dev/shm/shared 2>/dev/null
         perl -MSocket -e 'socket(my $s, AF_UNIX, SOCK_STREAM, 0); print connect($s, pack("Sa*", AF_UNIX, "\\0${marker}")) ? "CONNECTED" : "refused"'`,
      );
      assert.equal(seen, '/dev/shm:\n\n/tmp:\n0\nrefused');
      await first;
      await one.destroy();
      await two.destroy();
    });

    test('one after the other: what the first left is not there for the second', async () => {
      const [one, two] = [await createWorkspace(directory), await createWorkspace(directory)];
      const places = '/tmp /var/tmp /dev/shm "$HOME" /mnt';
      await run(one.path, `for d in ${places}; do echo x > $d/marker-of-one; done; sleep 60 &`);
      await one.destroy();
      const found = await run(
        two.path,
        `for d in ${places}; do ls $d/marker-of-one 2>/dev/null; done; ps -e 2>/dev/null | grep -c sleep`,
      );
      assert.equal(found.trim(), '0');
      await two.destroy();
    });

    test('leave no process behind when whoever runs them is killed', async () => {
      const marker = `97531.${process.pid}${['user', 'bubblewrap', 'podman'].indexOf(isolation.mode) + 1}`;
      const of = (name: string): string =>
        JSON.stringify(fileURLToPath(new URL(name, import.meta.url)));
      const workspace = await createWorkspace(directory);
      const script = `
        import { accountIsolation } from ${of('./account.ts')};
        import { bubblewrapIsolation } from ${of('./bubblewrap.ts')};
        import { defaultLimits } from ${of('./limits.ts')};
        import { machineInPodman } from ${of('./podman.ts')};
        import { openPodman } from '@airlock/sandbox/podman/store';
        const isolation = await {
          user: () => accountIsolation({ accounts: { first: 61500, count: 8 }, nodeDirectory: null }),
          bubblewrap: () => bubblewrapIsolation({ nodeBinary: null }),
          podman: async () => machineInPodman(
            await openPodman(${JSON.stringify(join(podmanDirectory, 'starter'))}),
            { node: process.execPath, limits: defaultLimits },
          ),
        }['${isolation.mode}']();
        await isolation.run({
          command: ['/bin/sh', '-c', 'sleep ${marker} & sleep ${marker}'], env: {}, workspace: ${JSON.stringify(workspace.path)},
          writable: true, wallSeconds: 60, signal: new AbortController().signal, onOutput: () => {},
        });`;
      const starter = spawn(
        process.execPath,
        [
          '--conditions=source',
          '--disable-warning=ExperimentalWarning',
          '--input-type=module',
          '-e',
          script,
        ],
        { stdio: ['ignore', 'ignore', 'inherit'] },
      );
      const inside = (): string[] =>
        readdirSync('/proc').filter((pid) => {
          if (!/^\d+$/.test(pid) || pid === String(starter.pid)) return false;
          try {
            return readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith(`sleep\0${marker}`);
          } catch {
            return false;
          }
        });
      for (let wait = 0; inside().length < 2 && wait < 200; wait += 1) await sleep(50);
      assert.equal(inside().length, 2, 'the build never started');
      starter.kill('SIGKILL');
      for (let wait = 0; inside().length > 0 && wait < 100; wait += 1) await sleep(50);
      assert.deepEqual(inside(), []);
      await workspace.destroy();
    });
  });
}
