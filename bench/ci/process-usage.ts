/** What a process uses, as Linux counts it; of memory, pages that it shares with others are counted in. */
import { readFileSync } from 'node:fs';

/** @throws Error without /proc. */
export const residentMegabytes = (pid: number): number => megabytesOf(pid, 'VmRSS');

/** The most that it ever kept. @throws Error without /proc. */
export const peakMegabytes = (pid: number): number => megabytesOf(pid, 'VmHWM');

function megabytesOf(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`/proc/${pid}/status says nothing of ${field}`);
  return (Number(kibibytes) * 1024) / 1e6;
}

/** Seconds that it has had of the processors so far, its ended children not counted. @throws Error without /proc. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the program's name in parentheses, which may hold spaces: utime and stime are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksASecond;
}

/** USER_HZ, the same on every Linux that Node runs on. */
const ticksASecond = 100;
