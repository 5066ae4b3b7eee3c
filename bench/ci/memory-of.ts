/** What a process keeps in memory, as Linux counts it: pages shared with others included. */
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
