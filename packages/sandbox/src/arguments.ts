import type { SandboxOptions } from './options.ts';

/** A file whose bytes bwrap reads from a descriptor. */
export type DataFile = { target: string; content: Buffer };

/** The few files below /etc that programs expect; nothing of the host's. */
export function accountFiles(
  options: Pick<SandboxOptions, 'workingDirectory' | 'hostname' | 'loopbackNames'>,
): DataFile[] {
  const { workingDirectory, hostname, loopbackNames = [] } = options;
  const names = ['localhost', hostname, ...loopbackNames].join(' ');
  return [
    {
      target: '/etc/passwd',
      content: Buffer.from(
        `root:x:0:0:root:/:/bin/sh\nbuild:x:65534:65534:build:${workingDirectory}:/bin/sh\n`,
      ),
    },
    { target: '/etc/group', content: Buffer.from('root:x:0:\nbuild:x:65534:\n') },
    {
      target: '/etc/hosts',
      content: Buffer.from(`127.0.0.1 ${names}\n::1 localhost\n`),
    },
    {
      target: '/etc/nsswitch.conf',
      content: Buffer.from('passwd: files\ngroup: files\nhosts: files\n'),
    },
  ];
}

/**
 * The sandbox line itself (without the command).
 *
 * @param root shows programs and libraries, and nothing that can be written.
 * @param binds with sources as bwrap shall open them, which is not always the caller's path.
 * @param files each with the descriptor that carries its bytes.
 */
export function bubblewrapArguments(
  options: Pick<SandboxOptions, 'env' | 'workingDirectory' | 'hostname' | 'network'>,
  root: readonly string[],
  binds: SandboxOptions['binds'],
  files: readonly { target: string; descriptor: number }[],
  descriptors: { seccomp: number; status: number },
): string[] {
  return [
    // Named one by one: --unshare-all does not go with --disable-userns.
    ...['--unshare-user', '--disable-userns', '--assert-userns-disabled'],
    ...['--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup'],
    // With a network given bwrap was started in it, and stays there.
    ...(options.network === undefined ? ['--unshare-net'] : []),
    ...['--die-with-parent', '--new-session', '--cap-drop', 'ALL'],
    ...['--uid', '65534', '--gid', '65534', '--hostname', options.hostname],
    ...[
      '--clearenv',
      ...Object.entries(options.env).flatMap(([name, value]) => ['--setenv', name, value]),
    ],
    ...root,
    ...['--proc', '/proc', '--dev', '/dev'],
    ...['--size', String(64 * 1024 * 1024), '--perms', '1777', '--tmpfs', '/tmp'],
    ...['--size', String(8 * 1024 * 1024), '--perms', '1777', '--tmpfs', '/dev/shm'],
    ...binds.flatMap(({ source, target, writable }) => [
      writable === true ? '--bind' : '--ro-bind',
      source,
      target,
    ]),
    ...files.flatMap(({ target, descriptor }) => [
      ...['--perms', '0444', '--ro-bind-data', String(descriptor), target],
    ]),
    // The root and /dev are memory without a bound: a build could fill the host's memory through them.
    ...['--remount-ro', '/dev', '--remount-ro', '/'],
    ...['--chdir', options.workingDirectory],
    ...['--seccomp', String(descriptors.seccomp)],
    ...['--json-status-fd', String(descriptors.status)],
  ];
}
