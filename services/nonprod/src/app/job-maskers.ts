/**
 * What must not be kept of a job's output. The runner masks first; this is the second pass, with the values that were handed
 * to the job. They live in this process's memory only: after a restart of it the runner's pass is the only one for jobs that
 * were running.
 */
import { createMasker, type Masker } from '@airlock/masking/masker';

interface Attempt {
  readonly jobId: string;
  readonly lease: number;
}

export interface JobMaskers {
  of(attempt: Attempt): Masker;
  /** The attempt has ended; nothing of it comes any more. */
  forget(attempt: Attempt): void;
}

export function createJobMaskers(): JobMaskers {
  const maskers = new Map<string, Masker>();
  const keyOf = ({ jobId, lease }: Attempt): string => `${jobId}/${lease}`;
  return {
    of(attempt) {
      const key = keyOf(attempt);
      const known = maskers.get(key);
      if (known !== undefined) return known;
      const masker = createMasker();
      maskers.set(key, masker);
      return masker;
    },
    forget(attempt) {
      maskers.delete(keyOf(attempt));
    },
  };
}
