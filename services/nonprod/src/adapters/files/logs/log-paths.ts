/** Which files a log consists of. */
import { join } from 'node:path';
import type { LogName } from '../../../app/log-ports.ts';

export interface LogPaths {
  readonly directory: string;
  /** The bytes, appended to while the step runs. */
  readonly bytes: string;
  /** Beside every append: what of the runner's output is decided, what is kept, when. */
  readonly records: string;
  /** Where lines and frames begin; can be made again from the bytes. */
  readonly index: string;
  /** The bytes in frames of zstd, once the step has ended: `zstd -dc` reads it. */
  readonly packed: string;
}

/** @throws TypeError for names that could lead elsewhere; the runner protocol lets none through. */
export function logPaths(root: string, { jobId, lease, step }: LogName): LogPaths {
  if (!/^job_[a-z0-9]{1,40}$/.test(jobId) || !Number.isSafeInteger(lease) || !isPlain(step)) {
    throw new TypeError('a log of an impossible name');
  }
  const directory = join(root, jobId);
  const file = join(directory, `${lease}-${step}`);
  return {
    directory,
    bytes: `${file}.log`,
    records: `${file}.records`,
    index: `${file}.index.json`,
    packed: `${file}.log.zst`,
  };
}

function isPlain(step: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(step);
}
