import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { runSandboxed, type SandboxLimits, type SandboxResult } from '../bubblewrap.ts';
import { probeSandbox } from '../probe.ts';
import { openV2 } from './cgroup-v2.ts';
import { groupMaker } from './control-group.ts';
import { scopePrefix } from './systemd-scope.ts';
import { watchMemory } from './watchdog.ts';

const probe = await probeSandbox();
const missing = probe.available ? null : `${probe.reason}; ${probe.remedy}`;
if (missing !== null && process.env['CI'] === 'true') assert.fail(missing);
const maker = await groupMaker();
const megabyte = 1024 * 1024;

async function run(
  script: string,
  limits: Partial<SandboxLimits>,
): Promise<SandboxResult & { output: string }> {
  let output = '';
  const result = await runSandboxed({
    command: ['/bin/sh', '-c', script],
    env: { PATH: '/usr/bin:/bin' },
    binds: [],
    files: [],
    workingDirectory: '/tmp',
    hostname: 'build',
    limits: { wallSeconds: 30, fileBytes: megabyte, processes: 64, openFiles: 64, ...limits },
    onOutput: (_, chunk) => {
      output += chunk.toString();
    },
  });
  return { ...result, output };
}

/** Takes memory a megabyte at a time and says how far it came. */
const hog = (megabytes: number): string =>
  `perl -e '$| = 1; for my $i (1..${megabytes}) { $x .= "x" x 1048576; } print "had all\n"'; echo "rc $?"`;

describe('limits of a sandbox', { skip: missing ?? false }, () => {
  const skip = maker === null ? 'NOT TESTED: no control groups here' : false;

  test(
    'memory: a hog is ended at its limit, and the result says that it was memory',
    { skip },
    async () => {
      const { output, exceeded, enforced } = await run(hog(256), { memoryBytes: 96 * megabyte });
      assert.doesNotMatch(output, /had all/);
      assert.deepEqual(exceeded, ['memory']);
      assert.ok(
        enforced.some((word) => /^memory:(cgroup|systemd)/.test(word)),
        enforced.join(),
      );
    },
  );

  test('memory: what stays below the limit runs to its end', { skip }, async () => {
    const { output, exceeded } = await run(hog(32), { memoryBytes: 192 * megabyte });
    assert.match(output, /had all\nrc 0/);
    assert.deepEqual(exceeded, []);
  });

  test(
    'processes: a fork bomb stops at the limit, and the next sandbox starts',
    { skip },
    async () => {
      const bomb = await run('f() { f | f & }; f; sleep 1; echo still', {
        memoryBytes: 256 * megabyte,
        processes: 40,
        wallSeconds: 5,
      });
      assert.ok(bomb.exceeded.includes('processes') || /fork/i.test(bomb.output));
      const next = await run('echo fine', { memoryBytes: 64 * megabyte });
      assert.equal(next.output, 'fine\n');
    },
  );

  test('processor time: half a processor is what it gets', { skip }, async () => {
    const script =
      'perl -e \'my $end = time + 3; 1 while time < $end; my ($u, $s) = times; printf "%.2f\n", $u + $s\'';
    const { output, enforced } = await run(script, { memoryBytes: 64 * megabyte, cpus: 0.25 });
    if (!enforced.some((word) => word.startsWith('cpu:'))) return;
    assert.ok(Number(output) < 1.6, `${output.trim()} s of processor time in 3 s`);
  });

  test('descriptors: the one beyond the limit is refused', async () => {
    const { output } = await run(
      `perl -e 'for (1..100) { open($f[$_], "<", "/dev/null") or do { print "$_ $!\n"; last } }'`,
      {},
    );
    const [opened, ...why] = output.split(' ');
    assert.ok(Number(opened) < 64, output);
    assert.match(why.join(' '), /Too many open files/);
  });

  test('no group is left when a sandbox has ended', { skip }, async () => {
    await run('true', { memoryBytes: 64 * megabyte, cpus: 1 });
    const groups = (base: string): string[] =>
      readdirSync(base).filter((name) => name.startsWith(`airlock-${process.pid}-`));
    if (maker?.kind === 'cgroup-v1') {
      for (const base of Object.values(maker.hierarchies)) {
        if (base !== null) assert.deepEqual(groups(base), []);
      }
    } else if (maker?.kind === 'cgroup-v2') assert.deepEqual(groups(maker.base), []);
  });
});

test('without control groups a watch over all processes of a tree sees what they hold together', async () => {
  const script = `perl -e '$x = "x" x 60000000; sleep 20' & perl -e '$x = "x" x 60000000; sleep 20' & wait`;
  const { spawn } = await import('node:child_process');
  const child = spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore' });
  assert.ok(child.pid !== undefined);
  const { pid } = child;
  try {
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(reject, 15_000, new Error('the watch saw nothing in 15 s'));
      watchMemory(pid, 100_000_000, () => {
        clearTimeout(late);
        resolve();
      });
    });
  } finally {
    process.kill(-pid, 'SIGKILL');
  }
});

test('version 2: memory without swap, all processes ended together, processes and time', () => {
  // A plain directory: it shows what is asked of the kernel, not that the kernel does it.
  const base = mkdtempSync(join(tmpdir(), 'cgroup-'));
  try {
    const { words, prefix } = openV2(
      { base, hasCpu: true },
      { memoryBytes: 1000, processes: 7, cpus: 1.5 },
    );
    const [group = ''] = readdirSync(base);
    const value = (file: string): string => readFileSync(join(base, group, file), 'utf8');
    assert.deepEqual(
      ['memory.max', 'memory.swap.max', 'memory.oom.group', 'pids.max', 'cpu.max'].map(value),
      ['1000', '0', '1', '7', '150000 100000'],
    );
    assert.deepEqual(words, ['memory:cgroup-v2', 'processes:cgroup-v2', 'cpu:cgroup-v2']);
    const [program = '', ...args] = prefix;
    const joined = execFileSync(program, [...args, '/bin/echo', 'started'], { encoding: 'utf8' });
    assert.deepEqual([joined, value('cgroup.procs')], ['started\n', '0\n']);
  } finally {
    rmSync(base, { recursive: true });
  }
});

test('systemd: a scope with the same limits, and an environment that is emptied again', () => {
  const limits = { memoryBytes: 1000, processes: 7, cpus: 0.5 };
  assert.deepEqual(scopePrefix(['systemd-run', '--user'], limits), [
    ...['systemd-run', '--user', '--scope', '--quiet', '--collect'],
    ...['--property=MemoryMax=1000', '--property=MemorySwapMax=0', '--property=TasksMax=7'],
    ...['--property=CPUQuota=50%', '--', '/usr/bin/env', '-i'],
  ]);
});
