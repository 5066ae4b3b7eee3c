import { readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SandboxError } from '../errors.ts';

let counter = 0;

/** A name that tells later processes whose it was. */
export function groupName(): string {
  counter += 1;
  return `airlock-${process.pid}-${counter}`;
}

/** Program and arguments that enter every one of the groups and then start what follows them. */
export function joinPrefix(directories: readonly string[]): string[] {
  const script = 'while [ "$1" != -- ]; do echo 0 > "$1" || exit 1; shift; done; shift; exec "$@"';
  const files = directories.map((directory) => join(directory, 'cgroup.procs'));
  return ['/bin/sh', '-c', script, 'sh', ...files, '--'];
}

/** @throws SandboxError `sandbox-setup-failed` when a process of it outlives SIGKILL by two seconds. */
export async function removeGroup(directory: string): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    try {
      rmdirSync(directory);
      return;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      if (error.code === 'ENOENT') return;
      if (error.code !== 'EBUSY') throw error;
      killAll(directory);
    }
    await sleep(5);
  }
  throw new SandboxError(
    'sandbox-setup-failed',
    `the control group ${directory} of a sandbox that ended still has processes after 2 s`,
  );
}

function killAll(directory: string): void {
  const pids = readFileSync(join(directory, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
  for (const pid of pids) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }
}

/** The number behind a word in a file of `word number` lines; 0 where the file has no such word. */
export function countIn(file: string, word: string): number {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${word} `));
  return Number(line?.slice(word.length + 1) ?? 0);
}
