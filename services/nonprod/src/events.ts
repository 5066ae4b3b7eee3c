/** Every business event of nonprod, one function each, its fields listed by name. */
import type { Log } from '@airlock/process/log';
import type { SecretFilters } from './domain/secret-filter.ts';

export type Events = ReturnType<typeof createEvents>;

export function createEvents(log: Log) {
  return {
    runStarted(run: { id: string; ref: string; commit: string; state: string }): void {
      log.info('run.started', {
        'airlock.run.id': run.id,
        'airlock.ref': run.ref,
        'airlock.commit': run.commit,
        'airlock.run.state': run.state,
      });
    },
    runReleased(
      run: { id: string; commit: string; files: string; filesDigest: string },
      person: string,
    ): void {
      log.info('run.released', {
        'airlock.run.id': run.id,
        'airlock.commit': run.commit,
        'airlock.run.files': run.files,
        'airlock.run.files_digest': run.filesDigest,
        'user.id': person,
      });
    },
    poolSaved(pool: { name: string; trust: number }, version: number, person: string): void {
      log.info('pool.saved', {
        'airlock.pool': pool.name,
        'airlock.pool.trust': pool.trust,
        'airlock.pool.version': version,
        'user.id': person,
      });
    },
    headIgnored(head: { ref: string; commit: string }, why: string): void {
      log.info('head.ignored', {
        'airlock.ref': head.ref,
        'airlock.commit': head.commit,
        message: why,
      });
    },
    jobLeased(
      job: { jobId: string; runId: string; lease: number; attempt: number },
      runner: string,
    ): void {
      log.info('job.leased', {
        'airlock.job.id': job.jobId,
        'airlock.run.id': job.runId,
        'airlock.job.lease': job.lease,
        'airlock.job.attempt': job.attempt,
        'airlock.runner.id': runner,
      });
    },
    logsDeleted(jobId: string, bytes: number): void {
      log.info('log.deleted', { 'airlock.job.id': jobId, 'file.size': bytes });
    },
    logHeld(runId: string, person: string, isHeld: boolean): void {
      log.info(isHeld ? 'log.held' : 'log.hold-lifted', {
        'airlock.run.id': runId,
        'user.id': person,
      });
    },
    logNotShown(error: Error): void {
      log.warn('log.not-shown', { error });
    },
    logNotPacked(jobId: string, step: string, error: Error): void {
      log.warn('log.not-packed', { 'airlock.job.id': jobId, 'airlock.step': step, error });
    },
    jobLost(job: { jobId: string; runId: string; runner: string | null; outcome: string }): void {
      log.warn('job.lost', {
        'airlock.job.id': job.jobId,
        'airlock.run.id': job.runId,
        'airlock.runner.id': job.runner ?? '',
        'event.outcome': job.outcome,
      });
    },
    jobFinished(job: {
      jobId: string;
      run: string;
      workflow: string;
      runner: string;
      outcome: string;
      reason: string | null;
    }): void {
      log.info('job.finished', {
        'airlock.job.id': job.jobId,
        'airlock.run.id': job.run,
        'airlock.workflow': job.workflow,
        'airlock.runner.id': job.runner,
        'event.outcome': job.outcome,
        ...(job.reason === null ? {} : { message: job.reason }),
      });
    },
    runUnreadable(run: { runId: string; reason: string }): void {
      log.error('run.unreadable', { 'airlock.run.id': run.runId, message: run.reason });
    },
    jobFlagged(
      job: { runId: string; jobId: string },
      flag: { kind: 'suspicious' | 'unusual'; rule: string; text: string },
    ): void {
      log[flag.kind === 'suspicious' ? 'warn' : 'info'](`job.${flag.kind}`, {
        'airlock.run.id': job.runId,
        'airlock.job.id': job.jobId,
        'airlock.rule': flag.rule,
        message: flag.text,
      });
    },
    runReviewed(runId: string, reason: string, person: string): void {
      log.info('run.reviewed', {
        'airlock.run.id': runId,
        'airlock.reason': reason,
        'user.id': person,
      });
    },
    runFinished(run: { id: string; outcome: string }): void {
      log.info('run.finished', { 'airlock.run.id': run.id, 'event.outcome': run.outcome });
    },
    candidateSigned(candidate: {
      id: string;
      runId: string;
      builder: string;
      release: string | null;
    }): void {
      log.info('candidate.signed', {
        'airlock.candidate.id': candidate.id,
        'airlock.run.id': candidate.runId,
        'airlock.builder': candidate.builder,
        'airlock.release.id': candidate.release ?? '',
      });
    },
    signingRefused(subject: { id: string }, reason: string): void {
      log.warn('signing.refused', { 'airlock.subject.id': subject.id, message: reason });
    },
    tokenMade(
      token: { id: string; scopes: readonly string[]; days: number; administers: boolean },
      person: string,
    ): void {
      log.info('token.made', {
        'airlock.token.id': token.id,
        'airlock.token.scopes': token.scopes.join(' '),
        'airlock.token.days': token.days,
        'airlock.token.administers': token.administers,
        'user.id': person,
      });
    },
    elevationBegan(person: string, reason: string, endsAt: Date): void {
      log.warn('elevation.began', {
        'user.id': person,
        'airlock.reason': reason,
        'airlock.elevation.ends_at': endsAt.toISOString(),
      });
    },
    elevationEnded(person: string): void {
      log.info('elevation.ended', { 'user.id': person });
    },
    administratorAsked(person: string, reason: string): void {
      log.warn('administrator.asked', { 'user.id': person, 'airlock.reason': reason });
    },
    administratorAdmitted(person: string, by: string): void {
      log.warn('administrator.admitted', { 'user.target.id': person, 'user.id': by });
    },
    administratorWithdrawn(person: string, by: string): void {
      log.warn('administrator.withdrawn', { 'user.target.id': person, 'user.id': by });
    },
    tokenRevoked(token: { id: string }, person: string): void {
      log.info('token.revoked', { 'airlock.token.id': token.id, 'user.id': person });
    },
    tokenRefused(token: { id: string | null }, address: string): void {
      log.warn('token.refused', { 'airlock.token.id': token.id ?? '', 'client.address': address });
    },
    accountLinked(
      linked: { provider: string; host: string; account: string },
      person: string,
    ): void {
      log.info('account.linked', {
        'airlock.forge.provider': linked.provider,
        'airlock.forge.host': linked.host,
        'airlock.forge.account': linked.account,
        'user.id': person,
      });
    },
    accountUnlinked(linked: { host: string; account: string }, person: string): void {
      log.info('account.unlinked', {
        'airlock.forge.host': linked.host,
        'airlock.forge.account': linked.account,
        'user.id': person,
      });
    },
    accountRefused(code: string, person: string): void {
      log.warn('account.refused', { 'error.code': code, 'user.id': person });
    },
    sightSet(repository: string, isPrivate: boolean, person: string): void {
      log.info('sight.set', {
        'airlock.repository': repository,
        'airlock.private': isPrivate,
        'user.id': person,
      });
    },
    labelsSet(repository: string, labels: readonly string[], person: string): void {
      log.info('labels.set', {
        'airlock.repository': repository,
        'airlock.labels': labels.join(' '),
        'user.id': person,
      });
    },
    ownersSet(
      set: { repository: string; own: readonly string[]; launch: readonly string[] },
      person: string,
    ): void {
      log.info('owners.set', {
        'airlock.repository': set.repository,
        'airlock.groups.own': set.own.join(', '),
        'airlock.groups.launch': set.launch.join(', '),
        'user.id': person,
      });
    },
    promotionAsked(request: {
      id: string;
      candidateId: string;
      target: string;
      requester: string;
    }): void {
      log.info('promotion.asked', {
        'airlock.promotion_request.id': request.id,
        'airlock.candidate.id': request.candidateId,
        'airlock.target': request.target,
        'user.id': request.requester,
      });
    },
    /** It was asked for before what built it was quarantined. */
    promotionWithheld(request: { id: string; target: string }, reason: string): void {
      log.warn('promotion.withheld', {
        'airlock.promotion_request.id': request.id,
        'airlock.target': request.target,
        message: reason,
      });
    },
    promotionPublished(request: { id: string; seq: number; target: string }): void {
      log.info('promotion.published', {
        'airlock.promotion_request.id': request.id,
        'airlock.outbox.seq': request.seq,
        'airlock.target': request.target,
      });
    },
    webhookTaken(delivery: {
      provider: string;
      id: string;
      event: string;
      repeated: boolean;
    }): void {
      log.info('webhook.taken', {
        'airlock.webhook.provider': delivery.provider,
        'airlock.webhook.delivery': delivery.id,
        'airlock.webhook.event': delivery.event,
        'airlock.webhook.repeated': delivery.repeated,
      });
    },
    webhookRead(
      delivery: { provider: string; event: string },
      verdict: { state: string; reason: string | null; repository: string | null },
    ): void {
      log[verdict.state === 'refused' ? 'warn' : 'info']('webhook.read', {
        'airlock.webhook.provider': delivery.provider,
        'airlock.webhook.event': delivery.event,
        'airlock.repository': verdict.repository ?? '',
        'event.outcome': verdict.state,
        ...(verdict.reason === null ? {} : { message: verdict.reason }),
      });
    },
    runCancelled(run: { id: string; was: string }, person: string): void {
      log.info('run.cancelled', {
        'airlock.run.id': run.id,
        'airlock.run.was': run.was,
        'user.id': person,
      });
    },
    requestRefused(
      request: { id: string; repository: string; event: string; ref: string },
      why: string,
    ): void {
      log.info('run.refused', {
        'airlock.run.id': request.id,
        'airlock.repository': request.repository,
        'airlock.run.event': request.event,
        'airlock.ref': request.ref,
        message: why,
      });
    },
    statusFailed(status: { runId: string; verdict: string; givenUp: boolean }, why: string): void {
      log.warn(status.givenUp ? 'status.given-up' : 'status.failed', {
        'airlock.run.id': status.runId,
        'airlock.status': status.verdict,
        message: why,
      });
    },
    webhookFailed(
      delivery: { provider: string; event: string },
      tried: { attempts: number; givenUp: boolean },
      why: string,
    ): void {
      log.error(tried.givenUp ? 'webhook.given-up' : 'webhook.failed', {
        'airlock.webhook.provider': delivery.provider,
        'airlock.webhook.event': delivery.event,
        'airlock.webhook.attempts': tried.attempts,
        message: why,
      });
    },
    webhookRefused(refused: { provider: string; repository: string; code: string }): void {
      log.warn('webhook.refused', {
        'airlock.webhook.provider': refused.provider,
        'airlock.repository': refused.repository,
        'event.reason': refused.code,
      });
    },
    /** Somebody has to look, and not here alone: the gate's ledger was rewritten, or shows two faces. */
    ledgerInconsistent(fault: { origin: string; size: number; detail: string }): void {
      log.error('ledger.inconsistent', {
        'airlock.ledger.origin': fault.origin,
        'airlock.ledger.size': fault.size,
        message: fault.detail,
      });
    },
    secretSet(secret: { project: string; name: string; version: number }, person: string): void {
      log.info('secret.set', {
        'airlock.project': secret.project,
        'airlock.secret.name': secret.name,
        'airlock.secret.version': secret.version,
        'user.id': person,
      });
    },
    /** Who may read a secret was changed. */
    secretFiltersSet(
      secret: { project: string; name: string; filters: SecretFilters },
      person: string,
    ): void {
      log.info('secret.filters-set', {
        'airlock.project': secret.project,
        'airlock.secret.name': secret.name,
        'airlock.secret.filters': JSON.stringify(secret.filters),
        'user.id': person,
      });
    },
    /** A step is given a secret: never what. */
    secretRead(read: {
      project: string;
      name: string;
      version: number;
      runId: string;
      jobId: string;
      step: string;
      runner: string;
    }): void {
      log.info('secret.read', {
        'airlock.project': read.project,
        'airlock.secret.name': read.name,
        'airlock.secret.version': read.version,
        'airlock.run.id': read.runId,
        'airlock.job.id': read.jobId,
        'airlock.step': read.step,
        'airlock.runner.id': read.runner,
      });
    },
    secretRefused(
      asked: { project: string; runId: string; jobId: string; step: string },
      reason: string,
    ): void {
      log.warn('secret.refused', {
        'airlock.project': asked.project,
        'airlock.run.id': asked.runId,
        'airlock.job.id': asked.jobId,
        'airlock.step': asked.step,
        message: reason,
      });
    },
    secretErased(secret: { project: string; name: string }, person: string): void {
      log.info('secret.erased', {
        'airlock.project': secret.project,
        'airlock.secret.name': secret.name,
        'user.id': person,
      });
    },
    projectErased(erased: { project: string; count: number }, person: string): void {
      log.info('project.erased', {
        'airlock.project': erased.project,
        'airlock.secret.count': erased.count,
        'user.id': person,
      });
    },
    projectKeyRotated({ project }: { project: string }, person: string): void {
      log.info('project_key.rotated', { 'airlock.project': project, 'user.id': person });
    },
    /** `what`: project keys that came under a newer version, or keys that came under a newer project key. */
    keysRewrapped(what: 'project' | 'secret', count: number): void {
      log.info('keys.rewrapped', { 'airlock.key.kind': what, 'airlock.key.count': count });
    },
    /** Secrets can be neither set nor read until it answers; everything else goes on. */
    keeperAway(keeper: string, error: Error): void {
      log.warn('keeper.away', { 'airlock.keeper': keeper, error });
    },
    callerRefused(caller: string | null, listener: string): void {
      log.warn('caller.refused', {
        'airlock.caller': caller ?? 'no identity',
        'airlock.listener': listener,
      });
    },
  };
}
