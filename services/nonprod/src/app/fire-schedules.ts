import { Cron } from 'croner';
import type { NewId } from './ports.ts';
import type { DueSchedule, ScheduleQueue } from './source-ports.ts';

/** Five fields as in crontab(5), at the wall clock of the time zone; null: there is no such time, or no such zone. */
export function nextTime(pattern: string, timeZone: string, after: Date): Date | null {
  try {
    if (pattern.trim().split(/\s+/).length !== 5) return null;
    return new Cron(pattern, { timezone: timeZone, mode: '5-part' }).nextRun(after);
  } catch {
    return null;
  }
}

/**
 * Asks for the runs whose time has come. What was missed while nobody looked is made up for once; a branch that was built
 * within the schedule's threshold is left alone this time.
 */
export function createFireSchedules(ports: {
  readonly schedules: ScheduleQueue;
  clock(): Date;
  readonly newId: NewId;
  onFired(repository: string): void;
}): () => Promise<void> {
  const { schedules, newId } = ports;

  async function fire(schedule: DueSchedule, now: Date): Promise<void> {
    const { repository, name, branch, thresholdSeconds } = schedule;
    const ref = `refs/heads/${branch}`;
    const last = thresholdSeconds === 0 ? null : await schedules.lastRunAt(repository, ref);
    const age = last === null ? Infinity : (now.getTime() - last.getTime()) / 1000;
    if (age < thresholdSeconds) {
      await schedules.fire(schedule, now, `skipped: built ${Math.round(age)} s before`, null);
      return;
    }
    const id = newId('run');
    const fired = await schedules.fire(schedule, now, `asked for ${id}`, {
      ...{ id, repository, event: 'cron', ref, commit: null, pullRequest: null },
      ...{ deployTo: null, cron: name, variables: {}, askedBy: null },
      ...{ retryOf: null, onlyFailed: false },
    });
    if (fired) ports.onFired(repository);
  }

  return async () => {
    const now = ports.clock();
    for (const schedule of await schedules.active()) {
      const due = nextTime(schedule.pattern, schedule.timeZone, schedule.firedFor);
      if (due !== null && due <= now) await fire(schedule, now);
    }
  };
}
