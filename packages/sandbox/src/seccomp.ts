/**
 * The system call filter of every sandbox, assembled to classic BPF.
 *
 * A build or a hook may do what an ordinary program does. It may not reach another process, the kernel keyring, mounts,
 * namespaces or kernel interfaces with a history of escapes, and it may not type into a terminal. Everything here is a
 * second line: capabilities are gone and namespaces are closed already.
 *
 * @see linux/seccomp.h, linux/audit.h, linux/filter.h; seccomp(2); bwrap(1) --seccomp
 */
import { SandboxError } from './errors.ts';

export type Architecture = 'x64' | 'arm64';

/** System call numbers; null where the architecture has no such call. */
type Numbers = readonly [x64: number, arm64: number | null];

/** Refused with EPERM. */
const refused: Readonly<Record<string, Numbers>> = {
  // Other processes.
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  process_madvise: [440, 440],
  kcmp: [312, 272],
  pidfd_getfd: [438, 438],
  // Mounts, old interface and new.
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  open_tree_attr: [467, 467],
  // Namespaces.
  unshare: [272, 97],
  setns: [308, 268],
  // The keyring belongs to the user and not to a namespace: without this a build reads the runner's session keyring.
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  // Kernel interfaces with a history of escapes.
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  open_by_handle_at: [304, 265],
  name_to_handle_at: [303, 264],
  fanotify_init: [300, 262],
  lookup_dcookie: [212, 18],
  personality: [135, 92],
  memfd_secret: [447, 447],
  mbind: [237, 235],
  set_mempolicy: [238, 237],
  set_mempolicy_home_node: [450, 450],
  migrate_pages: [256, 238],
  move_pages: [279, 239],
  modify_ldt: [154, null],
  vhangup: [153, 58],
  // The machine itself; capabilities forbid these too.
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  reboot: [169, 142],
  swapon: [167, 224],
  swapoff: [168, 225],
  sethostname: [170, 161],
  setdomainname: [171, 162],
  acct: [163, 89],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  syslog: [103, 116],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  clock_adjtime: [305, 266],
  adjtimex: [159, 171],
  nfsservctl: [180, 42],
  iopl: [172, null],
  ioperm: [173, null],
  uselib: [134, null],
  ustat: [136, null],
  sysfs: [139, null],
  _sysctl: [156, null],
  create_module: [174, null],
};

/** Answered with ENOSYS, so that the C library and libuv fall back to the older call. */
const absent: Readonly<Record<string, Numbers>> = {
  // Its flags live behind a pointer, where a filter cannot look; the C library then uses clone.
  clone3: [435, 435],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
};

const clone: Numbers = [56, 220];
const ioctl: Numbers = [16, 29];
const socket: Numbers = [41, 198];

// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
const newNamespaceFlags = 0x7e02_0000;
// TIOCSTI types into the terminal, TIOCLINUX pastes into the console.
const refusedTerminalRequests = [0x5412, 0x541c];
// AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (os.networkInterfaces needs it). Not AF_VSOCK: it reaches the hypervisor past
// the network namespace. Not AF_ALG: kernel crypto with a history of escapes.
const allowedSocketFamilies = [1, 2, 10, 16];

const auditArchitecture: Readonly<Record<Architecture, number>> = {
  x64: 0xc000_003e,
  arm64: 0xc000_00b7,
};

const load = 0x20; // BPF_LD | BPF_W | BPF_ABS
const jumpIfEqual = 0x15;
const jumpIfAtLeast = 0x35;
const jumpIfAnyBit = 0x45;
const giveBack = 0x06; // BPF_RET | BPF_K

// Offsets in struct seccomp_data; arguments are 64 bits wide, of which the low half (little endian) is compared.
const callNumber = 0;
const architecture = 4;
const argument = (index: number): number => 16 + 8 * index;

const verdicts = {
  allow: 0x7fff_0000,
  eperm: 0x0005_0001,
  enosys: 0x0005_0026,
  kill: 0x8000_0000,
} as const;
type Verdict = keyof typeof verdicts;

type Instruction =
  | { load: number }
  | { test: number; value: number; then?: Verdict | number; otherwise?: Verdict | number };

/**
 * Assembles the filter for an architecture, in the form that `bwrap --seccomp` reads (8 bytes an instruction).
 *
 * @throws SandboxError `sandbox-unavailable` for an architecture without a table: no filter means no sandbox.
 */
export function seccompProgram(cpu: string): Buffer {
  if (cpu !== 'x64' && cpu !== 'arm64') throw noFilterFor(cpu);
  const column = cpu === 'x64' ? 0 : 1;
  const program: Instruction[] = [
    { load: architecture },
    { test: jumpIfEqual, value: auditArchitecture[cpu], otherwise: 'kill' },
    { load: callNumber },
  ];
  // x32 calls carry this bit and other numbers: a list of x64 numbers would not stop them.
  if (cpu === 'x64') program.push({ test: jumpIfAtLeast, value: 0x4000_0000, then: 'enosys' });
  for (const [list, verdict] of [
    [refused, 'eperm'],
    [absent, 'enosys'],
  ] as const) {
    for (const numbers of Object.values(list)) {
      const number = numbers[column];
      if (number !== null) program.push({ test: jumpIfEqual, value: number, then: verdict });
    }
  }
  const guarded = (numbers: Numbers, index: number, tests: Instruction[]): void => {
    const number = numbers[column];
    if (number === null) return;
    program.push({ test: jumpIfEqual, value: number, otherwise: tests.length + 1 });
    program.push({ load: argument(index) }, ...tests);
  };
  guarded(clone, 0, [
    { test: jumpIfAnyBit, value: newNamespaceFlags, then: 'eperm', otherwise: 'allow' },
  ]);
  guarded(
    ioctl,
    1,
    refusedTerminalRequests.map((value, index, all) => ({
      test: jumpIfEqual,
      value,
      then: 'eperm',
      ...(index === all.length - 1 ? { otherwise: 'allow' as const } : {}),
    })),
  );
  guarded(
    socket,
    0,
    allowedSocketFamilies.map((value, index, all) => ({
      test: jumpIfEqual,
      value,
      then: 'allow',
      ...(index === all.length - 1 ? { otherwise: 'eperm' as const } : {}),
    })),
  );
  return assemble(program);
}

/**
 * The same filter as a runtime of containers reads it (OCI runtime specification 1.0, linux.seccomp). Arguments are compared
 * with all their 64 bits there, so that what the kernel reads as 32 bits is masked or refused from above.
 *
 * @throws SandboxError as {@link seccompProgram}.
 */
export function seccompProfile(cpu: string): SeccompProfile {
  const native = { x64: 'SCMP_ARCH_X86_64', arm64: 'SCMP_ARCH_AARCH64' } as const;
  if (cpu !== 'x64' && cpu !== 'arm64') throw noFilterFor(cpu);
  const column = cpu === 'x64' ? 0 : 1;
  const here = (list: Readonly<Record<string, Numbers>>): string[] =>
    Object.entries(list).flatMap(([name, numbers]) => (numbers[column] === null ? [] : [name]));
  const refuse = (name: string, arg: SeccompArgument): SeccompRule => ({
    ...{ names: [name], action: 'SCMP_ACT_ERRNO', errnoRet: 1, args: [arg] },
  });
  const flags = Array.from({ length: 31 }, (_, bit) => 2 ** bit).filter(
    (flag) => (newNamespaceFlags & flag) !== 0,
  );
  const highest = Math.max(...allowedSocketFamilies);
  const families = Array.from({ length: highest }, (_, family) => family).filter(
    (family) => !allowedSocketFamilies.includes(family),
  );
  return {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: [native[cpu]],
    syscalls: [
      { names: here(refused), action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
      { names: here(absent), action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
      ...flags.map((flag) =>
        refuse('clone', { index: 0, value: flag, valueTwo: flag, op: 'SCMP_CMP_MASKED_EQ' }),
      ),
      ...refusedTerminalRequests.map((request) =>
        refuse('ioctl', {
          ...{ index: 1, value: 0xffff_ffff, valueTwo: request, op: 'SCMP_CMP_MASKED_EQ' },
        }),
      ),
      refuse('socket', { index: 0, value: highest, op: 'SCMP_CMP_GT' }),
      ...families.map((family) => refuse('socket', { index: 0, value: family, op: 'SCMP_CMP_EQ' })),
    ],
  };
}

type SeccompArgument = {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: 'SCMP_CMP_EQ' | 'SCMP_CMP_GT' | 'SCMP_CMP_MASKED_EQ';
};
type SeccompRule = {
  readonly names: readonly string[];
  readonly action: 'SCMP_ACT_ERRNO';
  readonly errnoRet: number;
  readonly args?: readonly SeccompArgument[];
};
export type SeccompProfile = {
  readonly defaultAction: 'SCMP_ACT_ALLOW';
  readonly architectures: readonly string[];
  readonly syscalls: readonly SeccompRule[];
};

function noFilterFor(cpu: string): SandboxError {
  return new SandboxError(
    'sandbox-unavailable',
    `no system call filter for ${cpu}; run sandboxes on an x64 or arm64 machine`,
  );
}

/** Resolves jumps to the four verdicts, which stand at the end; a number is a count of instructions to skip. */
function assemble(program: readonly Instruction[]): Buffer {
  // Falling off the end of the tests is `allow`, so it stands first.
  const order: Verdict[] = ['allow', 'eperm', 'enosys', 'kill'];
  const bytes = Buffer.alloc((program.length + order.length) * 8);
  const write = (index: number, code: number, jt: number, jf: number, k: number): void => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jt, index * 8 + 2);
    bytes.writeUInt8(jf, index * 8 + 3);
    bytes.writeUInt32LE(k, index * 8 + 4);
  };
  program.forEach((instruction, index) => {
    // A jump counts from the next instruction.
    const distance = (to: Verdict | number | undefined): number =>
      typeof to === 'string' ? program.length + order.indexOf(to) - index - 1 : (to ?? 0);
    if ('load' in instruction) write(index, load, 0, 0, instruction.load);
    else {
      const { test, value, then, otherwise } = instruction;
      write(index, test, distance(then), distance(otherwise), value);
    }
  });
  order.forEach((verdict, offset) => {
    write(program.length + offset, giveBack, 0, 0, verdicts[verdict]);
  });
  return bytes;
}
