/** System calls that a sandbox refuses, as Perl makes them: without arguments that could do harm if one were let through. */
type Call = readonly [name: string, x64: number, arm64: number | null, ...args: number[]];

const calls: readonly Call[] = [
  ['ptrace', 101, 117, 0],
  ['process_vm_readv', 310, 270, 1, 0, 0, 0, 0, 0],
  ['pidfd_getfd', 438, 438, -1, 0, 0],
  ['kcmp', 312, 272, 1, 1, 0, 0, 0],
  ['keyctl', 250, 219, 0, -3, 0],
  ['add_key', 248, 217, 0, 0, 0, 0, -3],
  ['request_key', 249, 218, 0, 0, 0, 0],
  ['mount', 165, 40, 0, 0, 0, 0, 0],
  ['umount2', 166, 39, 0, 0],
  ['pivot_root', 155, 41, 0, 0],
  ['chroot', 161, 51, 0],
  ['open_tree', 428, 428, -1, 0, 0],
  ['move_mount', 429, 429, -1, 0, -1, 0, 0],
  ['fsopen', 430, 430, 0, 0],
  ['mount_setattr', 442, 442, -1, 0, 0, 0, 0],
  ['unshare-user', 272, 97, 0x1000_0000],
  ['unshare-nothing', 272, 97, 0],
  ['setns', 308, 268, -1, 0],
  ['clone-user', 56, 220, 0x1000_0011, 0, 0, 0, 0],
  ['clone3', 435, 435, 0, 0],
  ['bpf', 321, 280, 0, 0, 0],
  ['perf_event_open', 298, 241, 0, 0, -1, -1, 0],
  ['userfaultfd', 323, 282, 0],
  ['io_uring_setup', 425, 425, 0, 0],
  ['open_by_handle_at', 304, 265, -1, 0, 0],
  ['personality', 135, 92, 0xffff_ffff],
  ['kexec_load', 246, 104, 0, 0, 0, 0],
  ['init_module', 175, 105, 0, 0, 0],
  ['finit_module', 313, 273, -1, 0, 0],
  ['delete_module', 176, 106, 0, 0],
  ['reboot', 169, 142, 0, 0, 0, 0],
  ['swapon', 167, 224, 0, 0],
  ['sethostname', 170, 161, 0, 0],
  ['settimeofday', 164, 170, 0, 0],
  ['syslog', 103, 116, 10, 0, 0],
  ['quotactl', 179, 60, 0, 0, 0, 0],
  ['acct', 163, 89, 0],
  ['ioctl-TIOCSTI', 16, 29, 0, 0x5412, 0],
  ['socket-vsock', 41, 198, 40, 1, 0],
  ['socket-alg', 41, 198, 38, 5, 0],
  ['socket-packet', 41, 198, 17, 3, 0],
  ['socket-raw', 41, 198, 2, 3, 1],
];

/** A Perl program that prints a line `name errno` for each call, errno 0 where it was let through. */
export function systemCallScript(architecture: string): string {
  const isArm = architecture === 'arm64';
  const lines = calls.flatMap(([name, x64, arm64, ...args]) => {
    const number = isArm ? arm64 : x64;
    return number === null ? [] : [`try("${name}", ${[number, ...args].join(', ')});`];
  });
  return [
    'sub try { my $name = shift; $! = 0; my $r = syscall($_[0], @_[1 .. $#_]); my $e = $r == -1 ? $! + 0 : 0;',
    // A clone that was let through is two processes now.
    ' if ($name =~ /^clone/ && $r == 0) { exit 0 } print "$name $e\\n"; }',
    '$| = 1;',
    ...lines,
  ].join('\n');
}
