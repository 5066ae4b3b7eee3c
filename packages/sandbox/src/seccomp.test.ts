import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seccompProgram } from './seccomp.ts';

const allow = 0x7fff_0000;
const eperm = 0x0005_0001;
const enosys = 0x0005_0026;
const kill = 0x8000_0000;

/** Runs the filter as the kernel would, and checks on the way what the kernel's own verifier insists on. */
function judge(program: Buffer, arch: number, nr: number, args: readonly number[] = []): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(nr >>> 0, 0);
  data.writeUInt32LE(arch >>> 0, 4);
  args.forEach((value, index) => data.writeUInt32LE(value >>> 0, 16 + 8 * index));
  let accumulator = 0;
  let at = 0;
  for (;;) {
    assert.ok(at * 8 < program.length, 'the filter ran off its end');
    const [code, jt, jf] = [program.readUInt16LE(at * 8), program[at * 8 + 2], program[at * 8 + 3]];
    const k = program.readUInt32LE(at * 8 + 4);
    assert.ok(jt !== undefined && jf !== undefined);
    if (code === 0x06) return k;
    if (code === 0x20) accumulator = data.readUInt32LE(k);
    else {
      const taken =
        code === 0x15
          ? accumulator === k
          : code === 0x35
            ? accumulator >= k
            : code === 0x45
              ? (accumulator & k) !== 0
              : assert.fail(`instruction code ${code}`);
      at += taken ? jt : jf;
    }
    at += 1;
  }
}

const machines = [
  {
    cpu: 'x64',
    arch: 0xc000_003e,
    ptrace: 101,
    keyctl: 250,
    clone: 56,
    ioctl: 16,
    socket: 41,
    read: 0,
  },
  {
    cpu: 'arm64',
    arch: 0xc000_00b7,
    ptrace: 117,
    keyctl: 219,
    clone: 220,
    ioctl: 29,
    socket: 198,
    read: 63,
  },
];

for (const { cpu, arch, ptrace, keyctl, clone, ioctl, socket, read } of machines) {
  const program = seccompProgram(cpu);
  const verdict = (nr: number, ...args: number[]) => judge(program, arch, nr, args);

  test(`${cpu}: ordinary calls pass`, () => {
    for (const nr of [read, ioctl, clone]) assert.equal(verdict(nr, 0, 0), allow);
  });
  test(`${cpu}: ptrace and the keyring are refused`, () => {
    for (const nr of [ptrace, keyctl]) assert.equal(verdict(nr), eperm);
  });
  test(`${cpu}: clone3 and io_uring are answered as if the kernel were older`, () => {
    for (const nr of [435, 425, 426, 427]) assert.equal(verdict(nr), enosys);
  });
  test(`${cpu}: threads and forks pass, each new namespace is refused`, () => {
    // CLONE_VM|FS|FILES|SIGHAND|THREAD|…: what pthread_create asks for; SIGCHLD: what fork asks for.
    for (const flags of [0x003d_0f00, 17]) assert.equal(verdict(clone, flags), allow);
    for (const bit of [17, 25, 26, 27, 28, 29, 30]) {
      assert.equal(verdict(clone, (1 << bit) | 17), eperm, `clone flag 1 << ${bit}`);
    }
  });
  test(`${cpu}: typing into a terminal is refused, asking for its size passes`, () => {
    for (const request of [0x5412, 0x541c]) assert.equal(verdict(ioctl, 0, request), eperm);
    assert.equal(verdict(ioctl, 0, 0x5413), allow);
    // The first argument is the descriptor: its number means nothing.
    assert.equal(verdict(ioctl, 0x5412, 0x5413), allow);
  });
  test(`${cpu}: sockets of the machine's own world pass, of the hypervisor and of kernel crypto do not`, () => {
    for (const family of [1, 2, 10, 16]) assert.equal(verdict(socket, family), allow);
    for (const family of [17, 38, 40, 0xffff_ffff]) assert.equal(verdict(socket, family), eperm);
  });
  test(`${cpu}: a call by another architecture's numbers kills the process`, () => {
    for (const other of [0x4000_0003, 0x4000_0028]) {
      assert.equal(judge(program, other, read), kill);
    }
  });
}

test('x32 calls are absent, whatever their number', () => {
  for (const nr of [0x4000_0000, 0x4000_0065, 0xffff_ffff]) {
    assert.equal(judge(seccompProgram('x64'), 0xc000_003e, nr), enosys);
  }
});

test('an architecture without a table is refused, not run without a filter', () => {
  assert.throws(() => seccompProgram('riscv64'), { code: 'sandbox-unavailable' });
});
