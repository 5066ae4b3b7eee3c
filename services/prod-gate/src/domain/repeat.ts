/**
 * When a delivery whose deliverer died in the middle of its hook may be made once more: never by resuming it, but as a second
 * delivery of the same promotion, with an intent, a login and credentials of its own, after the first one's are proven gone.
 */
import type { HookKind } from '@airlock/common/hook/kind';
import type { HookRecord } from './delivery.ts';

/** Whether a second delivery takes the place of one that was interrupted there; of a second one there is no third. */
export function repeatIsDue(
  hook: HookRecord & {
    /** Null until the hook was recorded as started. */
    readonly kind: HookKind | null;
  },
): boolean {
  return (
    hook.startedAt !== null &&
    hook.finishedAt === null &&
    hook.isRepeat !== true &&
    // A release that was seen not to be well is not brought a second time.
    (hook.verification === null || hook.verification === 'due') &&
    (hook.kind === 'idempotent' || hook.kind === 'probing')
  );
}

export type ProbeAnswer = 'done' | 'not-done' | 'unknown';

/** Only what a probe says in so many words counts: an exit code alone may be an accident. */
export function probeAnswer(end: {
  readonly exit: number | null;
  readonly result: Readonly<Record<string, unknown>> | null;
}): ProbeAnswer {
  const said = end.exit === 0 ? end.result?.['state'] : undefined;
  return said === 'done' || said === 'not-done' ? said : 'unknown';
}

/** Reasons against a repeat that pass by themselves within seconds or minutes; on any other it is given up. */
export const passing: ReadonlySet<string> = new Set([
  'E_CREDENTIAL_PENDING',
  'E_CREDENTIAL_OUTLIVES',
  'E_TARGET_BUSY',
  'E_LEDGER_UNAVAILABLE',
]);
