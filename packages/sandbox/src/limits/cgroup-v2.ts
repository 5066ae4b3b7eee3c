import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { countIn, groupName, joinPrefix, removeGroup } from './cgroup-files.ts';
import type { ControlGroup, Exceeded, GroupLimits } from './group.ts';

const periodMicroseconds = 100_000;

/** @see Documentation/admin-guide/cgroup-v2.rst of Linux */
export function openV2(
  { base, hasCpu }: { base: string; hasCpu: boolean },
  limits: GroupLimits,
): ControlGroup {
  const group = join(base, groupName());
  mkdirSync(group);
  const set = (file: string, value: string): void => {
    writeFileSync(join(group, file), value);
  };
  set('memory.max', String(limits.memoryBytes));
  set('memory.swap.max', '0');
  // All or nothing: a build that lost one of its processes is not worth going on with.
  set('memory.oom.group', '1');
  set('pids.max', String(limits.processes));
  const isCpuLimited = hasCpu && limits.cpus !== undefined;
  if (isCpuLimited) {
    const quota = Math.max(1000, Math.round((limits.cpus ?? 0) * periodMicroseconds));
    set('cpu.max', `${quota} ${periodMicroseconds}`);
  }
  return {
    prefix: joinPrefix([group]),
    words: [
      ...['memory:cgroup-v2', 'processes:cgroup-v2'],
      ...(isCpuLimited ? ['cpu:cgroup-v2'] : []),
    ],
    exceeded() {
      const exceeded: Exceeded[] = [];
      if (countIn(join(group, 'memory.events'), 'oom_kill') > 0) exceeded.push('memory');
      if (countIn(join(group, 'pids.events'), 'max') > 0) exceeded.push('processes');
      return exceeded;
    },
    remove: () => removeGroup(group),
  };
}
