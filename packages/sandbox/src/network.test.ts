import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runSandboxed, type SandboxOptions, type SandboxResult } from './bubblewrap.ts';
import { openNetwork } from './network.ts';
import { probeSandbox } from './probe.ts';

const probe = await probeSandbox();
const missing = probe.available ? null : `${probe.reason}; ${probe.remedy}`;
if (missing !== null && process.env['CI'] === 'true') assert.fail(missing);

async function run(
  command: string,
  options: Partial<SandboxOptions> = {},
): Promise<SandboxResult & { output: string }> {
  let output = '';
  const result = await runSandboxed({
    command: ['/bin/sh', '-c', command],
    env: { PATH: '/usr/bin:/bin' },
    binds: [],
    files: [],
    workingDirectory: '/tmp',
    hostname: 'build',
    limits: { wallSeconds: 20, fileBytes: 1 << 20, processes: 64, openFiles: 256 },
    onOutput: (_, chunk) => {
      output += chunk.toString();
    },
    ...options,
  });
  return { ...result, output };
}

/** Answers one connection with `hello`. */
const server = (port: number): string =>
  `perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => ${port}) or die $!; my $c = $s->accept; print $c "hello\n"'`;
const client = (host: string, port: number): string =>
  `perl -MIO::Socket::INET -e 'my $c = IO::Socket::INET->new(PeerAddr => "${host}", PeerPort => ${port}) or die "refused: $!\n"; print <$c>'`;

describe('a network of sandboxes', { skip: missing ?? false }, () => {
  test('lets one reach another by its name, and says when somebody listens', async () => {
    const network = await openNetwork();
    try {
      const serving = run(server(5432), { network });
      for (let wait = 0; !(await network.listens(5432)) && wait < 500; wait += 1) await sleep(10);
      assert.deepEqual([await network.listens(5432), await network.listens(543)], [true, false]);
      const { output } = await run(client('db', 5432), { network, loopbackNames: ['db'] });
      assert.equal(output, 'hello\n');
      assert.equal((await serving).exitCode, 0);
      assert.equal(await network.listens(5432), false);
    } finally {
      await network.close();
    }
  });

  test('leads neither to this machine nor to another network, and gives no rights', async () => {
    const here = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => here.once('listening', resolve));
    const address = here.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const [one, other] = [await openNetwork(), await openNetwork()];
    try {
      const serving = run(server(7000), { network: other });
      for (let wait = 0; !(await other.listens(7000)) && wait < 500; wait += 1) await sleep(10);
      for (const target of [port, 7000]) {
        const { output } = await run(`${client('127.0.0.1', target)} 2>&1`, { network: one });
        assert.match(output, /^refused/);
      }
      await run(client('127.0.0.1', 7000), { network: other });
      await serving;
      const { output } = await run(
        'grep -c : /proc/net/dev; grep CapEff /proc/self/status; unshare --user true; echo $?; cut -d: -f2 /proc/net/route | wc -l',
        { network: one },
      );
      assert.match(output, /^1\nCapEff:\t0{16}\n[^]*\n1\n1\n$/);
    } finally {
      here.close();
      await Promise.all([one.close(), other.close()]);
    }
  });

  test('that is closed can be entered by nobody any more', async () => {
    const network = await openNetwork();
    await network.close();
    await assert.rejects(run('true', { network }), { code: 'sandbox-setup-failed' });
  });

  test('takes no name that could end the line it stands in', async () => {
    await assert.rejects(run('true', { loopbackNames: ['db\n10.0.0.1 evil'] }), {
      code: 'sandbox-options-refused',
    });
  });
});
