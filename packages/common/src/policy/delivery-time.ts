/** How long a delivery that goes as its target file says may hold its one credential. */
import { credentialMarginSeconds } from './target-credentials.ts';
import type { TargetDelivery, TargetRollback, TargetVerify } from './target-delivery.ts';

type Timed = {
  readonly deliver: Pick<TargetDelivery, 'timeout' | 'waves' | 'pause'>;
  readonly verify?: TargetVerify | undefined;
  readonly rollback?: TargetRollback | undefined;
};

/**
 * The longest that it takes, in seconds, with the margin by which a credential outlives its hook: every wave at its limit, the
 * pauses, the verification with looks that fail until the last one, and the return to the release before.
 */
export function longestDeliverySeconds({ deliver, verify, rollback }: Timed): number {
  const waves = deliver.waves?.length ?? 1;
  // A bake goes on until a look is well or `failures` of them in a row were not, each `every` seconds long at most.
  const looks = verify === undefined ? 0 : (verify.failures + 1) * verify.every;
  const pauses = (waves - 1) * ((deliver.pause ?? 0) + (deliver.pause === undefined ? 0 : looks));
  const bake = verify === undefined ? 0 : verify.for + looks;
  const back = rollback?.auto === 'onVerifyFailed' ? deliver.timeout : 0;
  return waves * deliver.timeout + pauses + bake + back + credentialMarginSeconds;
}
