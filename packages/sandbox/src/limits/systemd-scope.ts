import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram, runsAsRoot } from '../host.ts';
import type { ControlGroup, GroupLimits } from './group.ts';

const probeBytes = 64 * 1024 * 1024;

/**
 * The command that starts a scope of systemd here, or null where there is none that limits. What it says is not believed: a
 * command in a scope reads the limit of its own group.
 */
export async function findSystemd(): Promise<readonly string[] | null> {
  const program = findProgram('systemd-run');
  const env = findProgram('env');
  if (program === null || env === null) return null;
  const bus = runsAsRoot()
    ? []
    : ['XDG_RUNTIME_DIR', 'DBUS_SESSION_BUS_ADDRESS'].flatMap((name) => {
        const value = process.env[name];
        return value === undefined ? [] : [`${name}=${value}`];
      });
  const command = [env, '-i', ...bus, program, ...(runsAsRoot() ? [] : ['--user'])];
  const script = 'read -r line < /proc/self/cgroup; cat "/sys/fs/cgroup${line#0::}/memory.max"';
  const [file = env, ...args] = [
    ...scopePrefix(command, { memoryBytes: probeBytes, processes: 16 }),
    ...['/bin/sh', '-c', script],
  ];
  try {
    const { stdout } = await promisify(execFile)(file, args, { env: {}, timeout: 5000 });
    return stdout.trim() === String(probeBytes) ? command : null;
  } catch (error) {
    // No systemd, no bus, no delegation: there is no scope to be had.
    if (error instanceof Error && 'stderr' in error) return null;
    throw error;
  }
}

/** Program and arguments; what follows starts with an empty environment in a scope of its own. */
export function scopePrefix(command: readonly string[], limits: GroupLimits): string[] {
  const { memoryBytes, processes, cpus } = limits;
  const properties = [
    ...[`MemoryMax=${memoryBytes}`, 'MemorySwapMax=0', `TasksMax=${processes}`],
    ...(cpus === undefined ? [] : [`CPUQuota=${Math.max(1, Math.round(cpus * 100))}%`]),
  ];
  return [
    ...[...command, '--scope', '--quiet', '--collect'],
    ...properties.map((property) => `--property=${property}`),
    ...['--', '/usr/bin/env', '-i'],
  ];
}

/** systemd removes the scope when its last process is gone. It keeps no count for anybody who asks later. */
export function openScope(command: readonly string[], limits: GroupLimits): ControlGroup {
  return {
    prefix: scopePrefix(command, limits),
    words: [
      ...['memory:systemd', 'processes:systemd'],
      ...(limits.cpus === undefined ? [] : ['cpu:systemd']),
    ],
    exceeded: () => [],
    remove: () => Promise.resolve(),
  };
}
