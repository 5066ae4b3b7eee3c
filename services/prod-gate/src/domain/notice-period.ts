/**
 * How often one target is told of. What is new is told at once; what goes to and fro is gathered, so that a target that answers in
 * turn with two digests fills neither the ledger nor anybody's mail.
 */

export const noticeKinds = ['drifted', 'unobserved', 'settled'] as const;
export type NoticeKind = (typeof noticeKinds)[number];

export const noticePeriodSeconds = 3600;

/** Begins with a notice, and is over {@link noticePeriodSeconds} later. */
export type NoticePeriod = {
  readonly since: Date;
  /** Of the observation with which it began; all that is told in it and of what was gathered in it is one thread. */
  readonly thread: string;
  /** Each is told once; of all of them nothing more, when it began with what the period before had gathered. */
  readonly told: readonly NoticeKind[];
  /** Changes that were gathered. */
  readonly untold: number;
};

export type Notice = {
  readonly kind: NoticeKind;
  readonly thread: string;
  /** How often it changed since the notice before; 1 where each change was told. */
  readonly changes: number;
};

/** @param now.kind as it stands after this look. @returns what is told now, and the period that comes of it. */
export function inTurn(
  earlier: NoticePeriod | null,
  now: {
    readonly kind: NoticeKind;
    readonly isChange: boolean;
    readonly at: Date;
    /** Where no period runs. */
    readonly thread: string;
  },
): { readonly period: NoticePeriod | null; readonly notice: Notice | null } {
  const { kind, isChange, at } = now;
  if (earlier !== null) {
    const { thread, told } = earlier;
    const untold = earlier.untold + (isChange ? 1 : 0);
    if (isRunning(earlier, at)) {
      if (!isChange) return { period: earlier, notice: null };
      const isGathered = earlier.untold > 0 || told.includes(kind);
      return isGathered
        ? { period: { ...earlier, untold }, notice: null }
        : {
            period: { ...earlier, told: [...told, kind] },
            notice: { kind, thread, changes: 1 },
          };
    }
    if (earlier.untold > 0) {
      return {
        period: { since: at, thread, told: noticeKinds, untold: 0 },
        notice: { kind, thread, changes: untold },
      };
    }
  }
  if (!isChange) return { period: null, notice: null };
  const { thread } = now;
  return {
    period: { since: at, thread, told: [kind], untold: 0 },
    notice: { kind, thread, changes: 1 },
  };
}

/** A clock that was put back ends it: nobody knows how long it would be. */
function isRunning({ since }: NoticePeriod, at: Date): boolean {
  const age = at.getTime() - since.getTime();
  return age >= 0 && age < noticePeriodSeconds * 1000;
}
