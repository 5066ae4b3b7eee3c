import type { Bait } from '@airlock/common/wire/bait';
import { baitFor } from '../domain/watch/bait.ts';
import type { JobMaskers } from './job-maskers.ts';
import type { ClaimedJob } from './ports.ts';

/** Bait for a job of strangers, which its log shows as little of as of secrets. */
export function createGiveBait(ports: {
  readonly maskers: Pick<JobMaskers, 'of'>;
  readonly random: (bytes: number) => Uint8Array;
}): (job: Pick<ClaimedJob, 'jobId' | 'lease' | 'level'>) => readonly Bait[] {
  return ({ jobId, lease, level }) => {
    const bait = baitFor(level, ports.random);
    if (bait.length > 0) {
      ports.maskers.of({ jobId, lease }).add(bait.map(({ value }) => Buffer.from(value)));
    }
    return bait;
  };
}
