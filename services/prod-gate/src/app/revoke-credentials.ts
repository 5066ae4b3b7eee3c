/** The end of what a delivery held: its token revokes itself, and the watchdog proves that nothing is left. */
import { setTimeout as sleep } from 'node:timers/promises';
import { asError } from './as-error.ts';
import { mine, pollMs, type Saga } from './delivery-saga.ts';
import type { Held } from './hold-credentials.ts';
import type { Fenced } from './delivery-ports.ts';
import { tryLogins } from './try-logins.ts';
import type { DeliveryToken } from './vault-ports.ts';

/** The proof comes within a tenth of a second as a rule, and the delivery is not to wait longer for its own next look. */
const firstProofPollMs = 5;
const cleanWhenStoppingMs = 1_500;

/**
 * The token revokes itself, which takes its leases with it; the proof is the watchdog's, who alone may ask Vault what is
 * left. Without proof in time the session stays pending and holds the target.
 *
 * @param signal when the process was asked to end, the proof is not awaited for long.
 */
export async function revoke(
  saga: Saga,
  session: Fenced,
  { token, credentials }: Held,
  signal: AbortSignal,
): Promise<void> {
  const { dependencies, started, book, transaction, untilStored } = saga;
  const { deliveries, sessions, failpoint, log } = dependencies;
  const { delivery, policy } = started;
  try {
    await untilStored(async () => {
      await transaction(async (tx) => {
        mine(await deliveries.setStep(tx, delivery, 'revoke'));
      });
      // False when the watchdog was faster; the proof is awaited all the same.
      await sessions.revoking(session);
    });
    failpoint('revoking');
  } finally {
    await revokeToken(saga, token);
  }
  failpoint('lease-revoked');

  const waiting = { isOver: false };
  const tried = tryLogins(dependencies, {
    ...{ session, credentials, egresses: policy.deliver.egress },
    isOver: () => waiting.isOver,
  }).catch((cause: unknown) => {
    // Then the watchdog goes by Vault's word.
    log.warn('credential.trial-not-stored', { deliveryId: delivery.id, error: asError(cause) });
  });
  const isClean = await provenClean(dependencies, session, signal);
  waiting.isOver = true;
  await tried;
  if (!isClean) {
    await sessions.revokeFailed(session.id, 'not proven revoked when the delivery ended');
    log.error('credential.revocation-pending', {
      deliveryId: delivery.id,
      sessionId: session.id,
      message:
        'the target takes no delivery until the watchdog has proof; look at gate-watchdog and Vault',
    });
    book.write('gate', 'the credential is not proven revoked yet; the watchdog goes on');
    return;
  }
  failpoint('session-clean');
  book.write('gate', 'the credential is revoked: Vault lists no token and no lease of this target');
  for (const { name, trial } of (await sessions.find(session.id))?.credentials ?? []) {
    if (trial === 'refused') book.write('gate', `${name}: the target itself refuses it`);
    if (trial === 'unknown') {
      book.write('gate', `${name}: the target did not say whether it refuses it`);
    }
  }
}

async function provenClean(
  { sessions, times }: Saga['dependencies'],
  session: Fenced,
  signal: AbortSignal,
): Promise<boolean> {
  let until = performance.now() + times.cleanWithinMs;
  let patient = true;
  for (let look = 0; ; look += 1) {
    if ((await sessions.find(session.id))?.state === 'CLEAN') return true;
    if (performance.now() > until) return false;
    if (signal.aborted && patient) {
      // A process that is asked to end has seconds; what is left is the watchdog's.
      patient = false;
      until = Math.min(until, performance.now() + cleanWhenStoppingMs);
    }
    await sleep(Math.min(firstProofPollMs * (1 + Math.floor(look / 10)), pollMs));
  }
}

/** Never throws: what it cannot revoke is the watchdog's. */
export async function revokeToken(
  { dependencies, started }: Saga,
  token: DeliveryToken | null,
): Promise<void> {
  if (token === null) return;
  try {
    await token.revokeSelf();
  } catch (cause) {
    // The watchdog may have revoked it already; if it did not, it will.
    dependencies.log.warn('credential.self-revocation-failed', {
      deliveryId: started.delivery.id,
      error: asError(cause),
    });
  }
}
