import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { arch } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runSandboxed, type SandboxOptions, type SandboxResult } from './bubblewrap.ts';
import { probeSandbox } from './probe.ts';

const probe = await probeSandbox();
const missing = probe.available ? null : `${probe.reason}; ${probe.remedy}`;
// In CI a missing sandbox is a failure: these claims are what everything untrusted rests on.
if (missing !== null && process.env['CI'] === 'true') assert.fail(missing);

const canary = 'canary-5f1d9c';
const nodeBind = { source: process.execPath, target: '/opt/node/bin/node' };

type Run = SandboxResult & { stdout: string; stderr: string };

async function run(
  command: string | string[],
  options: Partial<SandboxOptions> = {},
): Promise<Run> {
  let [stdout, stderr] = ['', ''];
  const result = await runSandboxed({
    command: typeof command === 'string' ? ['/bin/sh', '-c', command] : command,
    env: { PATH: '/usr/bin:/bin:/opt/node/bin' },
    binds: [],
    files: [],
    workingDirectory: '/tmp',
    hostname: 'build',
    limits: { wallSeconds: 20, fileBytes: 1 << 20, processes: 64, openFiles: 256 },
    onOutput: (stream, chunk) => {
      if (stream === 'stdout') stdout += chunk.toString();
      else stderr += chunk.toString();
    },
    ...options,
  });
  return { ...result, stdout, stderr };
}

/** Makes one raw system call inside and gives its error number, 0 when it worked. */
async function errorOfCall(x64: number, arm64: number, ...args: number[]): Promise<number> {
  const nr = arch() === 'arm64' ? arm64 : x64;
  const { stdout, stderr } = await run([
    '/usr/bin/perl',
    '-e',
    `my $r = syscall(${[nr, ...args].join(', ')}); print $r == -1 ? $!+0 : 0`,
  ]);
  assert.equal(stderr, '');
  return Number(stdout);
}

/** An x86-64 program of nine bytes of code: exit(0) through the gate of i386, `int 0x80`. */
function exitByForeignNumbers(): Buffer {
  const code = Buffer.from('b80100000031dbcd80', 'hex');
  const bytes = Buffer.alloc(120 + code.length);
  bytes.write('7f454c46020101', 'hex');
  [2, 62].forEach((half, index) => bytes.writeUInt16LE(half, 16 + 2 * index));
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(0x40_0078n, 24);
  bytes.writeBigUInt64LE(64n, 32);
  [64, 56, 1, 64].forEach((half, index) => bytes.writeUInt16LE(half, 52 + 2 * index));
  // One segment: the whole file at 0x400000, to be read and executed.
  [1, 5].forEach((word, index) => bytes.writeUInt32LE(word, 64 + 4 * index));
  const size = BigInt(bytes.length);
  [0n, 0x40_0000n, 0x40_0000n, size, size, 0x1000n].forEach((word, index) =>
    bytes.writeBigUInt64LE(word, 72 + 8 * index),
  );
  code.copy(bytes, 120);
  return bytes;
}

/** Processes of the host whose command line holds the marker. */
function processesWith(marker: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      if (!(pid > 0) || pid === process.pid) return false;
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(marker);
      } catch {
        // Ended between the listing and the reading.
        return false;
      }
    });
}

const EPERM = 1;

describe('a sandbox', { skip: missing === null ? false : `NO SANDBOX TESTED: ${missing}` }, () => {
  // Not below /tmp, so that as root the unprivileged account meets directories it may not pass.
  let directory: string;
  before(() => {
    mkdirSync('.test', { recursive: true });
    directory = mkdtempSync(join(process.cwd(), '.test', 'sandbox-'));
    process.env['AIRLOCK_TEST_CANARY'] = canary;
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  test('hides the environment and the arguments of whatever started it', async () => {
    const { stdout } = await run('cat /proc/*/environ | tr "\\0" "\\n"; cat /proc/1/cmdline', {
      env: { PATH: '/usr/bin:/bin', GIVEN: 'yes' },
      binds: [{ source: directory, target: '/build', writable: true }],
    });
    assert.ok(!stdout.includes(canary));
    assert.ok(!stdout.includes(directory));
    assert.equal((await run('cat /proc/1/environ')).stdout, '');
  });

  test('ends a program that calls the kernel by another architecture’s numbers, which its exit code says', async (t) => {
    const program = join(directory, 'i386-exit');
    writeFileSync(program, exitByForeignNumbers(), { mode: 0o755 });
    const outside = spawnSync(program);
    if (outside.status !== 0) {
      t.skip('this machine’s kernel runs no i386 system calls, so that there is nothing to end');
      return;
    }
    const binds = [{ source: program, target: '/opt/i386-exit' }];
    const { outcome, signal, exitCode } = await run(['/opt/i386-exit'], { binds });
    assert.deepEqual([outcome, signal, exitCode], ['signalled', 'SIGSYS', 128 + 31]);
    const within = await run('/opt/i386-exit; echo "then $?"', { binds });
    assert.deepEqual([within.stderr, within.stdout], ['Bad system call\n', 'then 159\n']);
  });

  test('gives exactly the environment it was told', async () => {
    const { stdout } = await run(['/usr/bin/env', '-0'], {
      env: { PATH: '/bin', A: 'x\' y\n"$(id)' },
    });
    // Set by bwrap and by shells of their own accord.
    const own = /^(PWD|OLDPWD|SHLVL|_)=/;
    const found = stdout.split('\0').filter((entry) => entry !== '' && !own.test(entry));
    assert.deepEqual(found.sort(), ['A=x\' y\n"$(id)', 'PATH=/bin']);
  });

  test('has no network: a listener on the loopback of the host is not there', async () => {
    const server = createServer((socket) => socket.end(canary));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const script = `require('net').connect(${address.port}, '127.0.0.1').on('error', (e) => console.log(e.code)).on('data', (d) => console.log(String(d)))`;
    const connect = ['/opt/node/bin/node', '-e', script];
    try {
      assert.equal((await run(connect, { binds: [nodeBind] })).stdout, 'ECONNREFUSED\n');
    } finally {
      server.close();
    }
    const interfaces = await run(
      ['/opt/node/bin/node', '-p', 'Object.keys(os.networkInterfaces()).join()'],
      { binds: [nodeBind] },
    );
    assert.equal(interfaces.stdout, 'lo\n');
  });

  test('shows its own processes only', async () => {
    const { stdout } = await run('echo /proc/[0-9]*');
    assert.deepEqual(stdout.trim().split(' '), ['/proc/1', '/proc/2']);
  });

  test('runs as nobody in particular, without capabilities and with the filter on', async () => {
    const { stdout } = await run(
      'id -u; grep -E "^(CapEff|CapBnd|NoNewPrivs|Seccomp):" /proc/self/status',
    );
    assert.match(stdout, /^65534\n/);
    assert.match(stdout, /CapEff:\s+0{16}\n/);
    assert.match(stdout, /CapBnd:\s+0{16}\n/);
    assert.match(stdout, /NoNewPrivs:\s+1\n/);
    assert.match(stdout, /Seccomp:\s+2\n/);
  });

  test('may not write settings of the kernel, which outside a user namespace root may without any capability', async () => {
    const { stdout } = await run(
      'for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger; do [ -w $f ] && echo $f; done; true',
    );
    assert.equal(stdout, '');
  });

  test('finds open what it was given and nothing else', async () => {
    const path = join(directory, 'open-file');
    writeFileSync(path, 'by number');
    const file = openSync(path, 'r');
    const { stdout } = await run('cat /dev/fd/10; cat /dev/fd/11; ls /proc/self/fd | xargs', {
      inheritFds: [
        { fd: 10, source: Buffer.from('from memory, ') },
        { fd: 11, source: file },
      ],
    });
    const [content, ...listed] = stdout.split(/(?<=by number)/);
    assert.equal(content, 'from memory, by number');
    // What this test itself was started with may appear as /dev/null; see the next test.
    const descriptors = listed
      .join('')
      .trim()
      .split(/\s+/)
      .map(Number)
      .filter((fd) => fd <= 15)
      .sort((a, b) => a - b);
    assert.deepEqual(descriptors, [0, 1, 2, 3, 10, 11]);
  });

  test('does not reach a descriptor that its starter was itself started with', async () => {
    const path = join(directory, 'left-open');
    writeFileSync(path, canary, { mode: 0o644 });
    const leftOpen = openSync(path, 'r');
    const script = `
      import { runSandboxed } from ${JSON.stringify(fileURLToPath(new URL('./bubblewrap.ts', import.meta.url)))};
      const inside = await new Promise((resolve) => void runSandboxed({
        command: ['/bin/sh', '-c', 'cat /dev/fd/20; echo end'], env: { PATH: '/usr/bin:/bin' }, binds: [], files: [],
        workingDirectory: '/tmp', hostname: 'build',
        limits: { wallSeconds: 10, fileBytes: 1024, processes: 16, openFiles: 64 },
        onOutput: (stream, chunk) => { process.stdout.write(chunk); },
      }).then(resolve));`;
    const starter = spawn(
      process.execPath,
      ['--conditions=source', '--input-type=module', '-e', script],
      { stdio: ['ignore', 'pipe', 'inherit', ...Array<'ignore'>(17).fill('ignore'), leftOpen] },
    );
    let seen = '';
    starter.stdout?.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    await new Promise((resolve) => starter.once('close', resolve));
    assert.equal(seen, 'end\n');
  });

  test('is refused other processes, the keyring, mounts, namespaces and raw kernel interfaces', async () => {
    const calls: [name: string, x64: number, arm64: number, ...args: number[]][] = [
      ['ptrace(PTRACE_TRACEME)', 101, 117, 0],
      ['keyctl(KEYCTL_GET_KEYRING_ID, session)', 250, 219, 0, -3, 0],
      ['add_key', 248, 217, 0, 0, 0, 0, -3],
      ['unshare(CLONE_NEWUSER)', 272, 97, 0x1000_0000],
      ['unshare(0), which needs no right at all', 272, 97, 0],
      ['mount', 165, 40, 0, 0, 0, 0, 0],
      ['setns', 308, 268, 0, 0],
      ['personality(query)', 135, 92, 0xffff_ffff],
      ['perf_event_open', 298, 241, 0, 0, -1, -1, 0],
      ['bpf', 321, 280, 0, 0, 0],
      ['clone(CLONE_NEWUSER)', 56, 220, 0x1000_0011, 0, 0, 0, 0],
      ['socket(AF_VSOCK)', 41, 198, 40, 1, 0],
      ['ioctl(TIOCSTI)', 16, 29, 0, 0x5412, 0],
    ];
    for (const [name, x64, arm64, ...args] of calls) {
      assert.equal(await errorOfCall(x64, arm64, ...args), EPERM, name);
    }
    // The control: a harmless call made in the same way works.
    assert.equal(await errorOfCall(102, 174), 0);
  });

  test('has no terminal to type into', async () => {
    assert.match((await run('echo x > /dev/tty')).stderr, /No such device|cannot/);
  });

  test('shows programs of the host and none of its files', async () => {
    const { stdout } = await run(
      'ls /; cat /etc/passwd; ls /root /home /etc/shadow /sys /run /var 2>/dev/null; hostname',
    );
    assert.match(stdout, /^build:x:65534:/m);
    assert.match(stdout, /^build$/m);
    for (const name of ['root', 'home', 'sys', 'run', 'var', 'work']) {
      assert.ok(!stdout.split('\n').includes(name), `/${name} is there`);
    }
  });

  test('writes to its /tmp and to writable binds, and nowhere else', async () => {
    const output = join(directory, 'output');
    const input = join(directory, 'input');
    mkdirSync(output, { mode: 0o700 });
    mkdirSync(input, { mode: 0o755 });
    const { stdout, exitCode } = await run(
      'echo made > /build/made; for d in / /usr /etc /dev /input; do touch $d/x 2>/dev/null && echo $d; done; touch /tmp/x',
      {
        binds: [
          { source: output, target: '/build', writable: true },
          { source: input, target: '/input' },
        ],
      },
    );
    assert.equal(exitCode, 0);
    assert.equal(stdout, '');
    assert.equal(readFileSync(join(output, 'made'), 'utf8'), 'made\n');
    assert.deepEqual(readdirSync(input), []);
  });

  test('reads files that exist in memory only, and cannot change them', async () => {
    const { stdout, exitCode } = await run('cat /run/secret; echo x > /run/secret', {
      files: [{ target: '/run/secret', content: Buffer.from(canary) }],
    });
    assert.equal(stdout, canary);
    assert.notEqual(exitCode, 0);
  });

  test('resolves a link of a bound directory inside, where the host is not', async () => {
    const outside = join(directory, 'outside');
    const bound = join(directory, 'bound');
    writeFileSync(outside, canary, { mode: 0o644 });
    mkdirSync(bound, { mode: 0o755 });
    symlinkSync(outside, join(bound, 'link'));
    const { stdout, exitCode } = await run('cat /build/link', {
      binds: [{ source: bound, target: '/build' }],
    });
    assert.equal(stdout, '');
    assert.notEqual(exitCode, 0);
  });

  test('sees under a path of many, whatever signs its name has, the very file or directory that was given for it', async () => {
    const names = [
      'plain',
      'a b',
      'tab\there',
      'line\nbreak',
      'back\\slash',
      '\\040',
      '#hash',
      '$x"\'`',
    ];
    const binds = names.flatMap((name, index) => {
      const [file, inside] = [
        join(directory, `file ${name}`),
        join(directory, `directory ${name}`),
      ];
      writeFileSync(file, `file ${index}`);
      mkdirSync(inside);
      writeFileSync(join(inside, 'it'), `directory ${index}`);
      return [
        { source: file, target: `/given/f${index}` },
        { source: inside, target: `/given/d${index}` },
      ];
    });
    const { stdout, stderr } = await run(
      'for at in /given/f* /given/d*/it; do cat $at; echo; done',
      {
        binds,
      },
    );
    assert.equal(stderr, '');
    const told = ['file', 'directory'].flatMap((kind) =>
      names.map((_, index) => `${kind} ${index}`),
    );
    assert.deepEqual(stdout.trim().split('\n'), told);
  });

  test('refuses a bind whose source is a link', async () => {
    const link = join(directory, 'link-source');
    symlinkSync('/etc', link);
    await assert.rejects(run('true', { binds: [{ source: link, target: '/build' }] }), {
      code: 'sandbox-options-refused',
    });
  });

  test('lets scripts open /dev/stdout and /dev/stderr', async () => {
    const { stdout, stderr } = await run('echo a > /dev/stdout; echo b | tee /dev/stderr');
    assert.deepEqual([stdout, stderr], ['a\nb\n', 'b\n']);
  });

  test('has an output of its own, whoever ran before it or runs beside it', async () => {
    for (const at of [1, 2, 3]) {
      const words = ['one', 'two', 'three'].map((word) => `${word} ${at}`);
      const ended = await Promise.all(
        words.map((word) => run(`echo ${word}; sleep 0.1; echo ${word}`)),
      );
      assert.deepEqual(
        ended.map(({ stdout }) => stdout),
        words.map((word) => `${word}\n${word}\n`),
      );
    }
  });

  test('tells exit codes and signals apart', async () => {
    const seven = await run('exit 7');
    assert.deepEqual([seven.outcome, seven.exitCode, seven.signal], ['exited', 7, null]);
    const killed = await run('kill -KILL $$');
    assert.deepEqual([killed.outcome, killed.signal], ['signalled', 'SIGKILL']);
  });

  test('ends at its wall clock with everything it started, in any session', async () => {
    const marker = `98765.${process.pid}1`;
    const { outcome, exitCode, durationMs } = await run(
      `trap '' TERM; setsid sleep ${marker} & nohup sleep ${marker} & echo started; sleep ${marker}`,
      { limits: { wallSeconds: 0.5, fileBytes: 1024, processes: 64, openFiles: 64 } },
    );
    assert.deepEqual([outcome, exitCode], ['timed-out', null]);
    assert.ok(durationMs >= 500 && durationMs < 5000, `${durationMs} ms`);
    assert.deepEqual(processesWith(marker), []);
  });

  test('leaves no daemon behind when the command ends by itself', async () => {
    const marker = `98765.${process.pid}2`;
    const { outcome } = await run(`setsid sleep ${marker} >/dev/null 2>&1 & echo done`);
    assert.equal(outcome, 'exited');
    assert.deepEqual(processesWith(marker), []);
  });

  test('dies with the process that started it, even when that is killed', async () => {
    const marker = `98765.${process.pid}3`;
    const script = `
      import { runSandboxed } from ${JSON.stringify(fileURLToPath(new URL('./bubblewrap.ts', import.meta.url)))};
      await runSandboxed({
        command: ['/bin/sleep', '${marker}'], env: { PATH: '/usr/bin:/bin' }, binds: [], files: [],
        workingDirectory: '/tmp', hostname: 'build',
        limits: { wallSeconds: 60, fileBytes: 1024, processes: 16, openFiles: 64 },
        onOutput: () => {},
      });`;
    const starter = spawn(
      process.execPath,
      ['--conditions=source', '--input-type=module', '-e', script],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    // The starter's own command line holds the marker, too.
    const inside = () => processesWith(marker).filter((pid) => pid !== starter.pid);
    for (let wait = 0; inside().length === 0 && wait < 200; wait += 1) await sleep(50);
    assert.notEqual(inside().length, 0, 'the sandbox never started');
    starter.kill('SIGKILL');
    for (let wait = 0; inside().length > 0 && wait < 100; wait += 1) await sleep(50);
    assert.deepEqual(inside(), []);
  });

  test('is ended by its abort signal, also one that was given before it began', async () => {
    const abort = new AbortController();
    setTimeout(() => {
      abort.abort();
    }, 200);
    assert.equal((await run('sleep 30', { signal: abort.signal })).outcome, 'cancelled');
    assert.equal((await run('sleep 30', { signal: abort.signal })).outcome, 'cancelled');
  });

  test('that is cancelled is asked to end, child processes too, and may tidy up', async () => {
    const cancelled = new AbortController();
    let seen = '';
    const result = await run(
      `trap 'echo tidied; exit 3' TERM; sh -c 'trap "echo child; exit 0" TERM; echo up; sleep 30 & wait' & echo up; wait`,
      {
        cancelled: cancelled.signal,
        onOutput: (_, chunk) => {
          seen += chunk.toString();
          if (seen.split('up').length === 3) cancelled.abort();
        },
      },
    );
    assert.equal(result.outcome, 'cancelled');
    assert.ok(result.durationMs < 8_000, `${result.durationMs} ms`);
    assert.match(seen, /tidied/);
    assert.match(seen, /child/);
  });

  test('that is cancelled and goes on is killed when its time is over', async () => {
    const cancelled = new AbortController();
    let seen = '';
    let askedAt = 0;
    const result = await run(`trap 'echo no' TERM; echo up; while :; do sleep 1 & wait; done`, {
      cancelled: cancelled.signal,
      graceSeconds: 1,
      onOutput: (_, chunk) => {
        seen += chunk.toString();
        if (askedAt > 0 || !seen.includes('up')) return;
        askedAt = performance.now();
        cancelled.abort();
      },
    });
    const took = performance.now() - askedAt;
    assert.equal(result.outcome, 'cancelled');
    assert.match(seen, /no/);
    assert.ok(took >= 1_000 && took < 6_000, `${took} ms`);
  });

  test('that was cancelled before it began does not begin', async () => {
    const { outcome, stdout } = await run('echo never', { cancelled: AbortSignal.abort() });
    assert.deepEqual([outcome, stdout], ['cancelled', '']);
  });

  test('cannot fork without bound nor write a file without bound', async () => {
    const forks = await run(
      'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1 & done; wait; echo all',
      {
        limits: { wallSeconds: 10, fileBytes: 1024, processes: 8, openFiles: 64 },
      },
    );
    assert.match(forks.stderr, /fork/i);
    const write = await run('head -c 4096 /dev/zero > /tmp/large; echo $?', {
      limits: { wallSeconds: 10, fileBytes: 1024, processes: 8, openFiles: 64 },
    });
    assert.equal(write.stdout, '153\n', 'the writer was not ended by SIGXFSZ');
    for (const limit of ['processes', 'file-size', 'open-files']) {
      assert.ok(write.enforced.includes(limit), `${limit} is not said to be enforced`);
    }
  });

  test('waits with its output for whoever reads it', async () => {
    let [waiting, most, bytes] = [0, 0, 0];
    await runSandboxed({
      command: ['/usr/bin/head', '-c', '2000000', '/dev/zero'],
      env: {},
      binds: [],
      files: [],
      workingDirectory: '/tmp',
      hostname: 'build',
      limits: { wallSeconds: 30, fileBytes: 1024, processes: 16, openFiles: 64 },
      onOutput: async (_, chunk) => {
        waiting += 1;
        most = Math.max(most, waiting);
        bytes += chunk.length;
        await sleep(1);
        waiting -= 1;
      },
    });
    assert.deepEqual([most, bytes], [1, 2_000_000]);
  });

  test('ends when its output cannot be taken, with the error of the taker', async () => {
    const failure = new Error('the log is gone');
    const running = run('yes', {
      onOutput: () => {
        throw failure;
      },
    });
    await assert.rejects(running, (error) => error === failure);
  });

  test('says what went wrong when it cannot be set up', async () => {
    await assert.rejects(run('true', { workingDirectory: '/absent' }), {
      code: 'sandbox-setup-failed',
      message: /\/absent/,
    });
  });

  test('refuses descriptors below 10, malformed environment names and a time that is none', async () => {
    const limits = { wallSeconds: Number.NaN, fileBytes: 1, processes: 1, openFiles: 1 };
    for (const options of [
      { inheritFds: [{ fd: 3, source: Buffer.alloc(0) }] },
      { env: { 'A=B': '' } },
      { env: { A: 'x\0--bind' } },
      { limits },
    ]) {
      await assert.rejects(run('true', options), { code: 'sandbox-options-refused' });
    }
  });
});
