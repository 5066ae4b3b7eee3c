/** Every business event of intake, web and watchdog: one function each, fields listed by name. Contract: names and fields. */
import type { Log } from '@airlock/process/log';
import type { Acceptance } from './app/accept-bundle.ts';
import type { AttestEvent } from './app/issue-attestations.ts';
import type { SignedConfiguration } from './app/configuration-ports.ts';
import type { ReapEvent } from './app/reap-sessions.ts';
import type { LateLogin } from './app/sweep-late-logins.ts';
import type { PromotionChange } from './app/refresh-promotions.ts';
import type { TakenRebuild } from './app/take-rebuild.ts';
import type { TakenSecretId } from './app/vault-ports.ts';

/** A credential that is not proven gone for this long is for a person to look at. */
const alarmAfterMs = 60_000;

export function bundleJudged(
  log: Log,
  item: { readonly seq: number; readonly id: string },
  acceptance: Acceptance,
): void {
  if (acceptance.outcome === 'admitted') {
    log.info('bundle.admitted', {
      seq: item.seq,
      request: item.id,
      promotion: acceptance.promotionId,
      target: acceptance.target,
    });
    return;
  }
  log.warn('bundle.refused', {
    seq: item.seq,
    request: item.id,
    code: acceptance.code,
    detail: acceptance.detail,
  });
}

/** Once when it begins and once when it is over. */
export function outboxFlooded(log: Log, items: number, isFlooded: boolean): void {
  log[isFlooded ? 'error' : 'warn'](isFlooded ? 'outbox.flooded' : 'outbox.caught-up', { items });
}

export function promotionChanged(log: Log, change: PromotionChange): void {
  log.info(`promotion.${change.change}`, {
    promotion: change.promotionId,
    target: change.target,
    reason: change.reason,
  });
}

const pastOf = { approve: 'approved', reject: 'rejected', withdraw: 'withdrawn' } as const;

export function decisionRecorded(
  log: Log,
  decision: {
    readonly decision: 'approve' | 'reject' | 'withdraw';
    readonly promotionId: string;
    readonly nameId: string;
  },
): void {
  log.info(`promotion.${pastOf[decision.decision]}`, {
    promotion: decision.promotionId,
    'user.id': decision.nameId,
  });
}

/** Other bytes from the same commit are an alarm: the build is not reproducible, or a builder was tampered with. */
export function rebuildTaken(log: Log, builderId: string, taken: TakenRebuild): void {
  const { promotion, outcome, artifactDigest } = taken;
  const fields = { promotion: promotion.id, target: promotion.target, builder: builderId };
  if (outcome === 'agrees') log.info('rebuild.agrees', fields);
  else {
    log.error('rebuild.differs', {
      ...fields,
      claimed: promotion.artifactDigest,
      rebuilt: artifactDigest,
    });
  }
}

/** Whoever can change a build of nonprod can use it: it is replaced now, or its copy there erased. */
export function standingSecretKnown(
  log: Log,
  found: { readonly setting: string; readonly secret: string },
): void {
  log.error('secret.known-to-nonprod', {
    setting: found.setting,
    'airlock.secret.name': found.secret,
    message: `${found.setting} is also nonprod's secret ${found.secret}, which builds there can read; replace it here and erase that secret`,
  });
}

export function passkeyEnrolled(log: Log, nameId: string): void {
  log.info('passkey.enrolled', { 'user.id': nameId });
}

export function passkeyWithdrawn(log: Log, nameId: string): void {
  log.warn('passkey.withdrawn', { 'user.id': nameId });
}

export function repositoryReleased(log: Log, repository: string): void {
  log.info('repository.released', { repository });
}

export function repositoryFrozen(log: Log, repository: string, reason: string): void {
  log.error('repository.frozen', { repository, reason });
}

export function configurationChanged(
  log: Log,
  { serial, digest, signers }: SignedConfiguration,
): void {
  log.info('configuration.changed', { serial, digest, signers });
}

/** @param keptAs null where the store let nobody take it away. */
export function artifactDamaged(log: Log, digest: string, keptAs: string | null): void {
  const message =
    keptAs === null
      ? `the gate's copy of ${digest} is damaged and could not be set aside; move it out of blobs/sha256 and bring its bytes back from a backup or from nonprod's store`
      : `the gate's copy of ${digest} is damaged and lies at ${keptAs} now; find out who wrote there, and bring its bytes back from a backup or from nonprod's store`;
  log.error('artifact.damaged', { digest, message });
}

export function statusReported(log: Log, count: number): void {
  log.info('status.reported', { count });
}

export function ledgerSequenced(log: Log, sequenced: { added: number; size: number }): void {
  log.info('ledger.sequenced', { added: sequenced.added, size: sequenced.size });
}

export function checkpointWitnessed(log: Log, witness: string, size: number): void {
  log.info('ledger.witnessed', { witness, size });
}

export function reaped(log: Log, event: ReapEvent): void {
  switch (event.name) {
    case 'session-fenced-off':
      log.warn('session.fenced-off', { session: event.sessionId, delivery: event.deliveryId });
      return;
    case 'session-clean':
      log.info('session.clean', { session: event.sessionId, target: event.target });
      return;
    case 'revocation-failed':
      log[event.pendingMs >= alarmAfterMs ? 'error' : 'warn']('session.revocation-failed', {
        session: event.sessionId,
        target: event.target,
        attempts: event.attempts,
        pendingSeconds: Math.round(event.pendingMs / 1000),
        detail: event.error,
      });
      return;
    case 'delivery-ended':
      log.warn('delivery.ended-by-watchdog', {
        delivery: event.deliveryId,
        target: event.target,
        outcome: event.outcome,
      });
  }
}

/** Somebody used a login that only the deliverer had, or Vault answered a read after the proof: an alarm, although it is revoked. */
export function lateLoginFound(log: Log, { sessionId, target, tokens, leases }: LateLogin): void {
  log.error('session.late-login', { session: sessionId, target, tokens, leases });
}

export function attestationEvent(log: Log, event: AttestEvent): void {
  if (event.name === 'issued') {
    const { kind, about, result, digest } = event.attestation;
    log.info('attestation.issued', { kind, about, ...(result === null ? {} : { result }), digest });
    return;
  }
  log.warn('attestation.held-back', { about: event.about, reason: event.reason });
}

/** Of a secret id that may be in other hands a person has to know, although the watchdog goes on with an earlier one. */
export function secretIdTaken(log: Log, taken: TakenSecretId): void {
  if (taken.outcome === 'none') return;
  if (taken.outcome === 'taken') log.info('reaper.secret-id-taken', {});
  else if (taken.outcome === 'failed') log.warn('reaper.secret-id-waits', { detail: taken.why });
  else log.error('reaper.secret-id-intercepted', { detail: taken.why });
}

export function notificationsSent(log: Log, sent: number): void {
  log.info('notifications.sent', { sent });
}

/** Nobody tries again: somebody did not hear what they should have. */
export function notificationUndelivered(
  log: Log,
  undelivered: { readonly notification: string; readonly channel: string; readonly why: string },
): void {
  log.error('notification.undelivered', {
    notification: undelivered.notification,
    channel: undelivered.channel,
    reason: undelivered.why,
  });
}
