import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseEgressEntry } from '@airlock/sandbox/egress/policy';
import { runsAsRoot } from '@airlock/sandbox/host';
import { askPodman, openPodman, type Podman } from '@airlock/sandbox/podman/store';
import type { SandboxResult } from '@airlock/sandbox/options';
import { readCatalogue } from './catalogue.ts';
import { chooseIsolation } from './choose.ts';
import { defaultAccounts } from './config.ts';
import type { IsolatedCommand, Isolation } from './isolation.ts';
import { defaultLimits } from './limits.ts';
import { missingPodman } from './podman.fixture.ts';
import { machineInPodman, podmanIsolation } from './podman.ts';

const missing = missingPodman();
if (missing !== false && process.env['CI'] === 'true') assert.fail(missing);
const rootOnly = runsAsRoot() ? false : 'NOT TESTED: only root lets containers reach one another';

const node = realpathSync(process.execPath);

describe('builds in podman', { skip: missing }, () => {
  let directory: string;
  let workspace: string;
  let podman: Podman;
  let isolation: Isolation;
  before(async () => {
    mkdirSync('.test', { recursive: true });
    directory = mkdtempSync(join(process.cwd(), '.test', 'podman-'));
    workspace = mkdtempSync(join(directory, 'workspace-'));
    podman = await openPodman(join(directory, 'podman'));
    isolation = await machineInPodman(podman, { node, limits: defaultLimits });
  });
  after(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  async function run(
    command: string,
    options: Partial<IsolatedCommand> & { in?: Pick<Isolation, 'run'> } = {},
  ): Promise<SandboxResult & { output: string; errors: string }> {
    const said = { stdout: '', stderr: '' };
    const { in: where = isolation, ...given } = options;
    const result = await where.run({
      ...{ command: ['/bin/sh', '-c', command], env: {}, workspace, writable: true },
      ...{ wallSeconds: 60, signal: new AbortController().signal },
      onOutput: (stream, chunk) => {
        said[stream] += chunk.toString();
      },
      ...given,
    });
    return { ...result, output: said.stdout, errors: said.stderr };
  }
  const containers = async (): Promise<string> => {
    const { stdout } = await askPodman(podman, [
      ...['ps', '--all', '--quiet', '--filter', `label=${podman.label}`],
    ]);
    return stdout;
  };

  test('a step finds its environment whatever it holds, and nothing that podman keeps on the disk has it', async () => {
    const value = `it's "quoted"\nand \\n $HOME \`id\` canary-${process.pid}`;
    const running = run('printf %s "$VALUE"; sleep 1', { env: { VALUE: value } });
    await sleep(700);
    const places = ['/var/lib/containers', '/run/containers', join(directory, 'podman')].join(' ');
    const kept = execFileSync(
      '/bin/sh',
      ['-c', `grep -rl "canary-${process.pid}" ${places} 2>/dev/null || true`],
      { encoding: 'utf8' },
    );
    assert.equal(kept, '');
    assert.equal((await running).output, value);
  });

  test('its exit code is its own, also one that podman has for itself', async () => {
    for (const code of [0, 1, 125, 126, 127]) {
      const { outcome, exitCode } = await run(`exit ${code}`);
      assert.deepEqual([outcome, exitCode], ['exited', code]);
    }
    const { outcome, signal } = await run('kill -KILL $$ & sh -c "kill -SEGV \\$\\$"; exit $?');
    assert.deepEqual([outcome, signal], ['signalled', 'SIGSEGV']);
  });

  test('writes to the workspace where it may, and to nothing else', async () => {
    writeFileSync(join(workspace, 'given'), 'given');
    const wrote = await run(
      'echo made > made; for at in / /usr /etc /dev /run; do echo x > $at/x; done',
    );
    assert.equal(readFileSync(join(workspace, 'made'), 'utf8'), 'made\n');
    assert.equal(wrote.errors.match(/cannot create/g)?.length, 5, wrote.errors);
    const kept = await run('cat given; echo x > given', { writable: false });
    assert.equal(kept.output, 'given');
    assert.notEqual(kept.exitCode, 0);
    assert.equal(readFileSync(join(workspace, 'given'), 'utf8'), 'given');
  });

  test('is killed at the end of its time, and when whoever wanted it wants it no more', async () => {
    const late = await run('echo started; sleep 60 & sleep 60', { wallSeconds: 1.5 });
    assert.deepEqual([late.outcome, late.output], ['timed-out', 'started\n']);
    const stopped = new AbortController();
    setTimeout(() => {
      stopped.abort();
    }, 1000);
    const { outcome } = await run('trap "" TERM INT; sleep 60 & wait; sleep 60', {
      signal: stopped.signal,
    });
    assert.equal(outcome, 'cancelled');
    const before = AbortSignal.abort();
    assert.equal((await run('sleep 60', { signal: before })).outcome, 'cancelled');
    assert.equal(await containers(), '');
    assert.deepEqual(
      readdirSync(join(directory, 'podman')).filter((name) => name.startsWith('airlock-')),
      [],
    );
  });

  test('what took more memory than it was given is killed, and says so', async () => {
    const { exceeded, exitCode, errors, enforced } = await run(
      `perl -e '$a .= "x" x 1048576 for 1 .. 400; sleep 5'`,
      { limits: { cpus: null, memoryBytes: 64 * 1024 * 1024 } },
    );
    assert.deepEqual([...exceeded], ['memory']);
    assert.equal(exitCode, 137);
    assert.match(errors, /this step needed more memory than the 64 MiB it was given/);
    assert.ok(enforced.some((word) => word.startsWith('memory:')));
  });

  test('a reader that is slow slows it, and loses nothing', async () => {
    let [taken, most] = [0, 0];
    const result = await run(`perl -e 'print(("x" x 99 . "\\n") x 300000)'`, {
      onOutput: async (_, chunk) => {
        taken += chunk.length;
        most = Math.max(most, chunk.length);
        await sleep(1);
      },
    });
    assert.equal(result.exitCode, 0);
    assert.equal(taken, 30_000_000);
  });

  test('who takes its output and fails ends it', async () => {
    await assert.rejects(
      run('while :; do echo x; done', {
        onOutput: () => {
          throw new Error('disk full');
        },
      }),
      /disk full/,
    );
    assert.equal(await containers(), '');
  });

  test(
    'the services of a workflow are found by their names, and a step outside finds none',
    { skip: rootOnly },
    async () => {
      const network = await isolation.openNetwork(['database']);
      const serve = `perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 5432, Listen => 5, ReuseAddr => 1) or die; while ($c = $s->accept) { print $c "hello\\n"; close $c }'`;
      const ask = `perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(PeerAddr => "database", PeerPort => 5432); print $s ? <$s> : "nobody"'`;
      const end = new AbortController();
      const service = run(serve, { in: network, signal: end.signal });
      try {
        for (let wait = 0; !(await network.listens(5432)) && wait < 100; wait += 1) await sleep(50);
        assert.equal((await run(ask, { in: network })).output, 'hello\n');
        assert.equal((await run(ask)).output, 'nobody');
      } finally {
        end.abort();
        await service;
        await network.close();
      }
    },
  );

  test(
    'the way out leads to what the list allows and is attested',
    { skip: rootOnly },
    async () => {
      const server = createServer((socket) => {
        socket.end('from outside\n');
      });
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      // A server that listens on TCP has a port.
      const { port } = server.address() as AddressInfo;
      const entry = parseEgressEntry(`127.0.0.1:${port}`);
      assert.ok(entry !== null);
      const open = podmanIsolation({
        podman,
        catalogue: isolation.catalogue,
        shown: [
          { source: '/usr', target: '/usr' },
          { source: node, target: '/opt/node/bin/node' },
        ],
        egress: { allow: [entry], mirrors: {}, nodeBinary: node, onDecision: () => {} },
      });
      const through = (target: string): string => `/opt/node/bin/node -e '
      const proxy = new URL(process.env.https_proxy);
      const request = require("http").request({ host: proxy.hostname, port: proxy.port, method: "CONNECT", path: "${target}" });
      request.on("connect", (answer, socket, head) => { console.log(answer.statusCode, String(head)); socket.pipe(process.stdout); });
      request.end()'`;
      try {
        const allowed = await run(through(`127.0.0.1:${port}`), { in: open, egress: true });
        assert.match(allowed.output, /^200 [\s\S]*from outside/);
        assert.ok(allowed.enforced.includes('egress-allow-list'));
        const refused = await run(through('127.0.0.1:1'), { in: open, egress: true });
        assert.match(refused.output, /^403/);
      } finally {
        server.close();
      }
    },
  );

  test('an image that is not on this machine is refused with the line that brings it, and nothing is fetched', async () => {
    const container = `registry.invalid/tools@sha256:${'0'.repeat(64)}`;
    const entry = { image: '**', container, entrypoint: [], plugin: false };
    await assert.rejects(
      readCatalogue([entry], 'podman', podman),
      new RegExp(`is not on this machine.*podman pull ${container}`),
    );
  });

  test('a builder configured with an image of this machine runs it by its digest, and attests the self-test', async () => {
    const { stdout } = await askPodman(podman, [
      ...['image', 'inspect', '--format', '{{.Digest}}', 'localhost/airlock-empty:1'],
    ]);
    const digest = stdout.trim();
    const chosen = await chooseIsolation(
      {
        isolation: 'podman',
        images: [
          {
            ...{ image: '**', entrypoint: [], plugin: false },
            container: `localhost/airlock-empty@${digest}`,
          },
        ],
        ...{ limits: defaultLimits, accounts: defaultAccounts, workDirectory: directory },
      },
      { onEgress: () => {}, secretFiles: ['/etc/shadow'] },
    );
    const found = chosen.catalogue.find('any');
    assert.ok(found.listed && found.image.root.kind === 'container');
    assert.equal(`sha256:${found.image.root.digest}`, digest);
    const { output, enforced } = await run('echo ran', {
      in: chosen,
      shown: [{ source: '/usr', target: '/usr' }],
    });
    assert.equal(output, 'ran\n');
    assert.ok(
      enforced.some((word) => word.startsWith('self-test:')),
      enforced.join(),
    );
  });

  test('what a builder left behind when it was killed is gone when it starts again', async () => {
    await askPodman(podman, [
      ...['create', '--name', `airlock-left-${process.pid}`, '--label', podman.label],
      ...['localhost/airlock-empty:1', '/bin/true'],
    ]);
    assert.notEqual(await containers(), '');
    await openPodman(join(directory, 'podman'));
    assert.equal(await containers(), '');
  });
});
