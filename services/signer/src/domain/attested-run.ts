/** What a runner signed about a run, from unverified bytes to facts by a pinned key. */
import { intotoPayloadType } from '@airlock/common/constants';
import { DsseError, type DsseCode } from '@airlock/common/dsse/dsse-error';
import { parseEnvelope } from '@airlock/common/dsse/envelope';
import { verifyEnvelope } from '@airlock/common/dsse/verify';
import { AirlockError } from '@airlock/common/errors';
import { readRunAttestation, type RunAttestation } from '@airlock/common/intoto/run';
import { parseStatement, type Subject } from '@airlock/common/intoto/statement';
import type { PinnedSigner, TrustStore } from '@airlock/common/trust/signer';
import type { Refusal, RefusalCode } from './refusal.ts';

/** The runners whose word counts: their keys, and the one name that each key may sign under. */
export type Runners = {
  readonly trust: TrustStore;
  readonly nameOf: ReadonlyMap<string, string>;
};

/** Made by `readAttestedRun` alone, of a verified envelope. */
export type AttestedRun = RunAttestation & { readonly subject: Subject };

export type ReadRun =
  | { readonly ok: true; readonly run: AttestedRun }
  | { readonly ok: false; readonly reason: Refusal };

/**
 * @param line one DSSE envelope without LF; null when the run has none.
 * @param builderId the builder that would sign for this run; the runner's key must be pinned for it.
 */
export function readAttestedRun(
  line: string | null,
  runners: Runners,
  builderId: string,
  now: Date,
): ReadRun {
  const refused = (code: RefusalCode, detail: string): ReadRun => ({
    ok: false,
    reason: { code, detail },
  });
  if (line === null) {
    return refused('run-unsigned', 'the runner signed nothing about this run; build it again');
  }
  let signers: readonly PinnedSigner[];
  let run: AttestedRun;
  try {
    const envelope = parseEnvelope(Buffer.from(line, 'utf8'), intotoPayloadType);
    const verified = verifyEnvelope(envelope, runners.trust, { receivedAt: now, now });
    const statement = parseStatement(verified.payload);
    signers = verified.signers;
    run = { ...readRunAttestation(statement), subject: statement.subject };
  } catch (error) {
    if (error instanceof DsseError) {
      return refused(codeOfFault[error.code] ?? 'run-malformed', error.message);
    }
    if (error instanceof AirlockError) return refused('run-malformed', error.message);
    throw error;
  }
  const allowed = signers.filter(
    ({ roles, builderIds }) => roles.includes('run') && builderIds.includes(builderId),
  );
  if (allowed.length === 0) {
    const keys = signers.map(({ keyid }) => keyid).join(', ');
    return refused('run-key-not-allowed', `key ${keys} may not attest runs of ${builderId}`);
  }
  if (!allowed.some(({ keyid }) => runners.nameOf.get(keyid) === run.runner)) {
    return refused(
      'run-key-not-allowed',
      `the attestation is in the name of ${run.runner}, signed by another runner's key`,
    );
  }
  return { ok: true, run };
}

const codeOfFault: Partial<Readonly<Record<DsseCode, RefusalCode>>> = {
  E_KEY_UNKNOWN: 'run-key-unknown',
  E_SIG_INVALID: 'run-signature-invalid',
  E_KEY_REVOKED: 'run-key-not-valid',
  E_KEY_NOT_YET_VALID: 'run-key-not-valid',
  E_KEY_EXPIRED: 'run-key-not-valid',
};
