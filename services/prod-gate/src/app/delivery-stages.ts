/**
 * What a delivery does while it holds its credential: the waves, the looks whether the release is well, and the return to the
 * release before when it is not. Each is told to the ledger; the return before it begins, because a crash in it leaves
 * production unknown.
 */
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import {
  recordedOutcome,
  waveOutcome,
  type DeliveryOutcome,
  type StageFailpoint,
} from '../domain/delivery.ts';
import { probeAnswer } from '../domain/repeat.ts';
import type { HookEnd, HookStage, PreparedHook } from './delivery-ports.ts';
import type { ProvenRelease } from '../domain/ledger-facts.ts';

/** Every hook of a delivery, checked and copied before any credential exists. */
export type PreparedHooks = {
  readonly deliver: PreparedHook;
  readonly verify: PreparedHook | null;
  /** With the artifact of the release that was live; null where none is to be put back, or none was live. */
  readonly back: { readonly hook: PreparedHook; readonly to: ProvenRelease } | null;
};

export type StageSteps = {
  /** @throws DeliveryFault when the delivery has to stop. */
  run(hook: PreparedHook, stage: HookStage, timeoutSeconds: number): Promise<HookEnd>;
  /** @throws DeliveryFault when the delivery has to stop. */
  pause(milliseconds: number): Promise<void>;
  hookFinished(end: HookEnd): Promise<void>;
  /** Commits entries `delivery.stage` with these refs, and with them how the verification stands where it changed. */
  tell(
    entries: readonly Readonly<Record<string, string>>[],
    verification?: 'passed' | 'failed' | 'returned',
  ): Promise<void>;
  say(line: string): void;
  failpoint(name: StageFailpoint): void;
};

/** @returns how the delivery ends; what interrupts it is thrown. */
export async function runStages(
  steps: StageSteps,
  hooks: PreparedHooks,
  policy: Pick<TargetPolicy, 'deliver' | 'verify'>,
  /** Whether the hook is asked first if an interrupted delivery was done. */
  { asksFirst }: { readonly asksFirst: boolean },
): Promise<DeliveryOutcome> {
  const { deliver, verify } = policy;
  const shares = deliver.waves ?? null;
  const of = shares?.length ?? 1;
  if (asksFirst) {
    const end = await steps.run(hooks.deliver, { name: 'probe', wave: null }, deliver.timeout);
    const state = probeAnswer(end);
    steps.say(`asked whether the interrupted delivery was done: ${state}`);
    await steps.tell([{ stage: 'probe', state }]);
    if (state !== 'not-done')
      await steps.hookFinished({ ...end, exit: state === 'done' ? 0 : null });
    if (state === 'done') return await verified();
    if (state === 'unknown') {
      return {
        state: 'indeterminate',
        reason:
          'interrupted while the hook ran, and the hook could not say afterwards whether that was done; check what runs in production',
      };
    }
  }
  for (let number = 1; number <= of; number += 1) {
    const share = String(shares?.[number - 1] ?? '100%');
    const wave = { number, of, share };
    if (shares !== null) steps.say(`wave ${number} of ${of} (${share})`);
    const stage = { name: 'deliver', wave: shares === null ? null : wave } as const;
    const end = await steps.run(hooks.deliver, stage, deliver.timeout);
    if (end.exit !== 0 || number === of) await steps.hookFinished(end);
    if (shares !== null) {
      const state = end.exit === 0 ? 'done' : end.exit === null ? 'unknown' : 'failed';
      await steps.tell([{ stage: 'wave', number: String(number), of: String(of), state }]);
    }
    if (end.exit !== 0) return waveOutcome(wave, end.exit);
    if (number === of) continue;
    steps.failpoint('wave-told');
    if (deliver.pause === undefined) continue;
    steps.say(`${deliver.pause} s until the next wave`);
    const fault = await bake(deliver.pause);
    steps.failpoint('wave-paused');
    if (fault === null) continue;
    await steps.hookFinished(end);
    return await putBack(fault);
  }
  return await verified();

  async function verified(): Promise<DeliveryOutcome> {
    if (verify === undefined) return recordedOutcome(0);
    const fault = await bake(verify.for);
    if (fault !== null) return await putBack(fault);
    await steps.tell([{ stage: 'verify', state: 'passed' }], 'passed');
    steps.failpoint('verify-told');
    steps.say(`verified: it was well for ${verify.for} s`);
    return recordedOutcome(0);
  }

  /** Waits so long, looking at the release where there is a hook that can; null, or why it is not well. */
  async function bake(seconds: number): Promise<string | null> {
    if (verify === undefined || hooks.verify === null) {
      await steps.pause(seconds * 1000);
      return null;
    }
    const end = performance.now() + seconds * 1000;
    let inARow = 0;
    for (let look = 1; ; look += 1) {
      const from = performance.now();
      const seen = await steps.run(hooks.verify, { name: 'verify', wave: null }, verify.every);
      const isWell = seen.exit === 0;
      inARow = isWell ? 0 : inARow + 1;
      steps.say(`look ${look}: ${isWell ? 'well' : `not well, ${inARow} in a row`}`);
      steps.failpoint('verify-looked');
      if (inARow >= verify.failures) return `${inARow} looks in a row: ${seen.summary}`;
      if (isWell && performance.now() >= end) return null;
      await steps.pause(Math.max(0, from + verify.every * 1000 - performance.now()));
    }
  }

  async function putBack(fault: string): Promise<DeliveryOutcome> {
    const failed = { stage: 'verify', state: 'failed' };
    const { back } = hooks;
    if (back === null) {
      await steps.tell([failed], 'failed');
      return {
        state: 'indeterminate',
        reason: `the verification failed (${fault}), and nothing is put back here; production has this release, look at it`,
      };
    }
    const { release, artifactDigest } = back.to;
    const returning = { stage: 'return', release, artifact: artifactDigest };
    await steps.tell([failed, { ...returning, state: 'started' }], 'failed');
    steps.failpoint('return-told');
    steps.say(`the verification failed (${fault}); return to ${release}, which was live before`);
    const end = await steps.run(back.hook, { name: 'return', wave: null }, deliver.timeout);
    if (end.exit !== 0) {
      await steps.tell([{ ...returning, state: end.exit === null ? 'unknown' : 'failed' }]);
      return {
        state: 'indeterminate',
        reason: `the verification failed (${fault}), and so did the return to ${release}: ${end.summary}; check what runs in production`,
      };
    }
    await steps.tell([{ ...returning, state: 'done' }], 'returned');
    steps.failpoint('return-done');
    return {
      state: 'failed',
      reason: `the verification failed (${fault}); ${release}, which was live before, was put back`,
    };
  }
}
