/** What happens to runners: a line in the log, and where people look for it later also a row. */
import type { RunnerHello } from '@airlock/common/wire/runner-enrolment';
import type { Log } from '@airlock/process/log';
import type { RunnerStore } from './app/runner-ports.ts';

export type RunnerEvents = ReturnType<typeof createRunnerEvents>;

export function createRunnerEvents(ports: {
  readonly log: Log;
  readonly runners: Pick<RunnerStore, 'record' | 'recordHourly'>;
  readonly clock: () => Date;
}) {
  const { log, runners, clock } = ports;
  const note = (
    runner: string | null,
    kind: string,
    text: string,
    person: string | null = null,
  ): Promise<void> => runners.record({ runner, kind, text, person, at: clock() });

  /** Somebody has to look, and is told of each runner once an hour however often it happens. */
  async function fromElsewhere(call: {
    runner: string;
    address: string;
    kind: 'elsewhere' | 'token-elsewhere';
    text: string;
  }): Promise<void> {
    const { runner, address, kind, text } = call;
    const event = { runner, kind, text, person: null, at: clock() };
    log[(await runners.recordHourly(event)) ? 'error' : 'warn'](`runner.${kind}`, {
      'airlock.runner.id': runner,
      'source.address': address,
      message: text,
    });
  }

  return {
    async tokenMade(
      token: { runner: string; pool: string; kind: string },
      person: string,
    ): Promise<void> {
      const { runner, pool, kind } = token;
      log.info('runner.token_made', {
        'airlock.runner.id': runner,
        'airlock.pool': pool,
        'airlock.runner.kind': kind,
        'user.id': person,
      });
      await note(runner, 'token', `A token for the pool ${pool} was made.`, person);
    },
    /** Somebody shows tokens that are none, or one for the second time. */
    async tokenRefused(address: string): Promise<void> {
      log.warn('runner.token_refused', { 'source.address': address });
      await note(null, 'token-refused', `A token was refused that ${address} showed.`);
    },
    /** A good token in a place for which it was not made. */
    async tokenElsewhere(runner: string, address: string): Promise<void> {
      const text = `A token of it was refused that ${address} showed: it is for other networks.`;
      await fromElsewhere({ runner, address, kind: 'token-elsewhere', text });
    },
    async waits(row: { runner: string; keyFingerprint: string; address: string }): Promise<void> {
      const { runner, keyFingerprint, address } = row;
      log.info('runner.waits', {
        'airlock.runner.id': runner,
        'airlock.runner.key_fingerprint': keyFingerprint,
        'source.address': address,
      });
      await note(runner, 'asked', `${address} showed the token with the key ${keyFingerprint}.`);
    },
    async enrolled(
      runner: { runner: string; pool: string; keyFingerprint: string; serial: string },
      by: string,
    ): Promise<void> {
      log.info('runner.enrolled', {
        'airlock.runner.id': runner.runner,
        'airlock.pool': runner.pool,
        'airlock.runner.key_fingerprint': runner.keyFingerprint,
        'airlock.certificate.serial': runner.serial,
        'user.id': by,
      });
      const text = `Enrolled for the pool ${runner.pool} with the key ${runner.keyFingerprint}.`;
      await note(runner.runner, 'enrolled', text, by);
    },
    async refused(row: { runner: string; keyFingerprint: string }, person: string): Promise<void> {
      log.info('runner.refused', { 'airlock.runner.id': row.runner, 'user.id': person });
      await note(row.runner, 'refused', `The key ${row.keyFingerprint} was refused.`, person);
    },
    hello(runner: string, said: RunnerHello): void {
      log.info('runner.hello', {
        'airlock.runner.id': runner,
        'airlock.runner.version': said.version,
        'airlock.runner.isolation': said.isolation,
      });
    },
    renewed(runner: string, issued: { serial: string; notAfter: Date }): void {
      log.info('runner.certificate_renewed', {
        'airlock.runner.id': runner,
        'airlock.certificate.serial': issued.serial,
        'airlock.certificate.not_after': issued.notAfter,
      });
    },
    /** Somebody has to look at both machines: one of them has a key that it should not have. */
    async cloned(clone: { runner: string; address: string; reason: string }): Promise<void> {
      const { runner, address, reason } = clone;
      log.error('runner.cloned', {
        'airlock.runner.id': runner,
        'source.address': address,
        message: `${runner} is quarantined: ${reason}`,
      });
      await note(runner, 'cloned', `Quarantined: ${reason}. The call came from ${address}.`);
    },
    async changed(
      change: { runner: string; kind: string; text: string },
      person: string,
    ): Promise<void> {
      log.info(`runner.${change.kind}`, {
        'airlock.runner.id': change.runner,
        message: change.text,
        'user.id': person,
      });
      await note(change.runner, change.kind, change.text, person);
    },
    /** Its key is in a place where it should not be, or its machine was moved. */
    async elsewhere(runner: string, address: string): Promise<void> {
      const text = `A call under its certificate came from ${address} and was refused.`;
      await fromElsewhere({ runner, address, kind: 'elsewhere', text });
    },
    /** Its machine is none for its pool: somebody mixed the tokens up. */
    async otherPlatform(runner: string, text: string): Promise<void> {
      const event = { runner, kind: 'platform', text: `Turned away: ${text}.`, person: null };
      await runners.recordHourly({ ...event, at: clock() });
      log.warn('runner.other_platform', { 'airlock.runner.id': runner, message: text });
    },
    callRefused(runner: string, text: string): void {
      log.warn('runner.call_refused', { 'airlock.runner.id': runner, message: text });
    },
  };
}
