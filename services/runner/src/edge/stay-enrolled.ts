/** Keeps this runner's certificate from ending: a new key at half of its life, with no restart and no job dropped. */
import type { RunnerHello } from '@airlock/common/wire/runner-enrolment';
import type { Log } from '@airlock/process/log';
import { makeKeyAndRequest } from './certificate-request.ts';
import type { EdgeCalls } from './calls.ts';
import type { Connection } from './connection.ts';
import { readValidity, renewalOf, replaceFile, writeIdentity } from './identity.ts';

/**
 * Renews when half of the certificate's life is over, and does nothing before. To be called again and again.
 *
 * Jobs go on meanwhile: calls under way end under the old certificate, and only when none is left does the new one say hello,
 * which retires the old one at nonprod.
 *
 * @throws ControlPlaneError when nonprod does not answer or refuses; ConfigurationError when the certificate has ended.
 */
export async function stayEnrolled(ports: {
  files: { caFile: string; identityFile: string };
  connection: Pick<Connection, 'replace' | 'drained'>;
  calls: EdgeCalls;
  said: RunnerHello;
  now: () => Date;
  log: Log;
  signal: AbortSignal;
}): Promise<'renewed' | 'not-due'> {
  const { files, connection, calls, signal, log } = ports;
  const now = ports.now();
  if (now < renewalOf(readValidity(files.identityFile, now))) return 'not-due';
  const { keyPem, csrPem } = makeKeyAndRequest();
  const { chainPem, caPem } = await calls.renew(csrPem, signal);
  // First whom to believe, then who to be: with new authorities and the old certificate a runner still gets in.
  replaceFile(files.caFile, caPem, 0o644);
  writeIdentity(files.identityFile, keyPem, chainPem);
  connection.replace();
  await connection.drained(signal);
  await calls.hello(ports.said, signal);
  log.info('runner.certificate_renewed', {
    'airlock.certificate.not_after': readValidity(files.identityFile, now).notAfter,
  });
  return 'renewed';
}
