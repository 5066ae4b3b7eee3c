/**
 * A release manager enrols a passkey. Row and ledger entry are written in one transaction: an approval counts later only when
 * the enrolment stands in the signed ledger, so that nobody with the database alone makes themselves an approver.
 */
import { enrolmentDigest } from '@airlock/common/approval/count-approvals';
import { decidingRoles } from '../domain/access.ts';
import { personByNameId } from '../domain/roster.ts';
import { DecisionError } from './decision-error.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import type { Passkey, PasskeyStore } from './passkey-ports.ts';
import { StoreError, type Transactor } from './ports.ts';

export const ceremonyMinutes = 5;

/** What an authenticator said of its new key, after the ceremony was checked. */
export interface NewCredential {
  readonly credentialId: string;
  readonly publicKeyPem: string;
  readonly cosePublicKey: Buffer;
  readonly signCount: number;
}

/**
 * Checks a registration ceremony: exact origin and relying party, challenge, user verified, ES256, attestation none.
 * @throws DecisionError `passkey-refused` with what differed.
 */
export type RegistrationVerifier = (
  answer: unknown,
  expected: { readonly challenge: string; readonly rpId: string; readonly origin: string },
) => Promise<NewCredential>;

export interface Enrolment {
  begin(nameId: string): Promise<{
    challenge: string;
    person: { id: string; name: string };
    existing: readonly string[];
  }>;
  /** @throws DecisionError `ceremony-expired`, `passkey-refused`, `role-missing`, `person-unknown` */
  finish(
    nameId: string,
    given: { challenge: string; label: string; answer: unknown },
  ): Promise<{ credentialId: string }>;
}

export function createEnrolment(ports: {
  readonly relyingParty: { readonly rpId: string; readonly origin: string };
  readonly database: Transactor;
  readonly passkeys: PasskeyStore;
  readonly recorder: Recorder;
  readonly files: () => Promise<GateFiles>;
  readonly verify: RegistrationVerifier;
  readonly now: () => Date;
  readonly randomNonce: () => string;
}): Enrolment {
  const { relyingParty, database, passkeys, recorder } = ports;
  const enroller = async (nameId: string): Promise<{ id: string; name: string }> =>
    enrollerIn(await ports.files(), nameId);
  return {
    async begin(nameId) {
      const person = await enroller(nameId);
      const challenge = ports.randomNonce();
      const now = ports.now();
      const ceremony = {
        nonce: challenge,
        kind: 'enrolment',
        person: person.id,
        promotionId: null,
        statement: null,
        expiresAt: new Date(now.getTime() + ceremonyMinutes * 60_000),
      } as const;
      await passkeys.insertChallenge(ceremony, now);
      const existing = (await passkeys.ofPerson(person.id))
        .filter(({ rpId }) => rpId === relyingParty.rpId)
        .map(({ credentialId }) => credentialId);
      return { challenge, person, existing };
    },

    async finish(nameId, { challenge, label, answer }) {
      const person = await enroller(nameId);
      const credential = await ports.verify(answer, { challenge, ...relyingParty });
      const now = ports.now();
      const facts = { ...relyingParty, ...credential, person: person.id };
      const passkey: Omit<Passkey, 'lastUsedAt' | 'revokedAt'> = {
        ...facts,
        label,
        enrolledAt: now,
        enrolmentDigest: enrolmentDigest(facts),
      };
      try {
        await database.transaction(async (tx) => {
          const taken = await passkeys.takeChallenge(tx, challenge, now);
          if (taken.kind !== 'enrolment' || taken.person !== person.id) {
            throw new DecisionError(
              'ceremony-expired',
              'This ceremony belongs to somebody else; start again.',
            );
          }
          await passkeys.insert(tx, passkey);
          await recorder.record(tx, {
            type: 'passkey.enrolled',
            at: now,
            actor: `person:${person.id}`,
            subjectDigest: passkey.enrolmentDigest,
            refs: { person: person.id },
          });
        });
      } catch (error) {
        throw asDecisionError(error);
      }
      return { credentialId: credential.credentialId };
    },
  };
}

/** @throws DecisionError `person-unknown`, `role-missing` */
export function enrollerIn(
  files: Pick<GateFiles, 'roster' | 'targets'>,
  nameId: string,
): { id: string; name: string } {
  const person = personByNameId(files.roster.roster, nameId);
  if (person === null)
    throw new DecisionError('person-unknown', `${nameId} is not in the gate's roster`);
  const deciding = decidingRoles(files.targets.values());
  if (!person.roles.some((role) => deciding.includes(role))) {
    throw new DecisionError(
      'role-missing',
      `Only those who decide enrol passkeys: whoever has the role ${deciding.join(' or ')}.`,
      { role: deciding.join(', ') },
    );
  }
  return person;
}

/** The store's refusals that a person can cause, in the person's words. */
export function asDecisionError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  if (error.code === 'nonce-unknown') {
    return new DecisionError(
      'ceremony-expired',
      'The ceremony was used before or took longer than five minutes; start again.',
      {
        cause: error,
      },
    );
  }
  if (error.code === 'passkey-known') {
    return new DecisionError('passkey-refused', 'This passkey is enrolled already.', {
      cause: error,
    });
  }
  if (error.code === 'row-changed') {
    return new DecisionError(
      'passkey-refused',
      'The passkey was used somewhere else at the same moment; try again.',
      { cause: error },
    );
  }
  return error;
}
