/** How much of the line and of the store one repository or one person may take, so that there is some left for others. */

export interface Quota {
  /** Runs of the repository that are built or in line for a runner; more wait. Null: as many as there are. */
  readonly runsAtOnce: number | null;
  /** Runs of the repository that have not begun; more are not built. */
  readonly queuedRuns: number;
  /** Artifacts, logs and caches of the repository; beyond them nothing is built. Null: no bound. */
  readonly storedBytes: number | null;
}

/** When runs begin. */
export interface Admission {
  readonly runsAtOnce: number | null;
  /** Of one person in all repositories, in any 60 minutes; more wait. Null: as many as they start. */
  readonly runsAPersonAnHour: number | null;
}

export interface QueueUse {
  /** Runs of the repository that have not begun. */
  readonly queued: number;
  /** Runs of all repositories that have not begun, and how many repositories those are of. */
  readonly waiting: number;
  readonly repositories: number;
  /** Null where nobody asked. */
  readonly storedBytes: number | null;
}

/** Why another run is not built, as a sentence; null: it is. @param queueDepth of the whole installation. */
export function quotaRefusal(
  repository: string,
  use: QueueUse,
  { queuedRuns, storedBytes }: Quota,
  queueDepth: number,
): string | null {
  if (use.queued >= queuedRuns) {
    return `Not built: ${use.queued} runs of ${repository} wait already, and ${queuedRuns} may. Push again when they are through.`;
  }
  // Whoever has less than an equal share of the line is let in, however long others have made it.
  const share = Math.max(1, Math.floor(queueDepth / Math.max(1, use.repositories)));
  if (use.waiting >= queueDepth && use.queued >= share) {
    return `Not built: ${use.waiting} runs wait here, and ${queueDepth} may; ${repository} has ${use.queued} of them, and its share is ${share}. Push again when they are through.`;
  }
  if (storedBytes !== null && (use.storedBytes ?? 0) >= storedBytes) {
    return `Not built: ${repository} stores ${mebibytes(use.storedBytes ?? 0)}, and ${mebibytes(storedBytes)} are allowed. There is room when old logs and caches are deleted, or when whoever configures the scheduler gives it more (quotas.repositories).`;
  }
  return null;
}

const mebibytes = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;

export interface Going {
  readonly repository: string;
  /** Runs of the repository that are built or in line. */
  readonly going: number;
  /** Null where nobody is known for certain. */
  readonly person: string | null;
  /** When the person's hour has room again; null: it has. */
  readonly personFreeAt: Date | null;
}

/** Why a run does not begin yet, as a sentence; null: it does. */
export function waitReason(
  { repository, going, person, personFreeAt }: Going,
  { runsAtOnce, runsAPersonAnHour }: Admission,
): string | null {
  if (runsAtOnce !== null && going >= runsAtOnce) {
    return `Waits: ${going} runs of ${repository} are built or in line, and ${runsAtOnce} may be at once. It begins when one of them has ended.`;
  }
  if (runsAPersonAnHour !== null && personFreeAt !== null) {
    return `Waits: ${person ?? ''} started ${runsAPersonAnHour} runs within an hour, and no more may begin. There is room again at ${personFreeAt.toISOString().slice(11, 16)} UTC.`;
  }
  return null;
}
