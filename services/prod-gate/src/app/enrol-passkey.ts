/**
 * A release manager enrols a passkey. Row and ledger entry are written in one transaction: an approval counts later only when
 * the enrolment stands in the signed ledger, so that nobody with the database alone makes themselves an approver.
 */
import { enrolmentDigest } from '@airlock/common/approval/count-approvals';
import { decidingRoles } from '../domain/access.ts';
import { personByNameId, type Person } from '../domain/roster.ts';
import { asDecisionError, ceremonyMinutes } from './ceremony.ts';
import type { CoSignCeremony, SignedAnswer } from './co-sign.ts';
import { DecisionError } from './decision-error.ts';
import { checkRoom } from './enrolment-room.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import type { Passkey, PasskeyStore } from './passkey-ports.ts';
import type { Transactor } from './ports.ts';
import type { Vouching } from './vouch-passkey.ts';

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
    /** Whether one in force must sign for it: `beginVouch`. */
    needsVouch: boolean;
  }>;
  /** @throws DecisionError `passkey-refused`, `vouch-missing`, `passkey-missing`, `role-missing`, `person-unknown` */
  beginVouch(
    nameId: string,
    given: { challenge: string; answer: unknown },
  ): Promise<CoSignCeremony>;
  /**
   * @throws DecisionError `ceremony-expired`, `passkey-refused`, `vouch-missing`, `passkeys-full`, `passkeys-too-many`,
   *   `role-missing`, `person-unknown`
   */
  finish(
    nameId: string,
    given: { challenge: string; label: string; answer: unknown; vouch: SignedAnswer | null },
  ): Promise<{ credentialId: string }>;
}

export function createEnrolment(ports: {
  readonly relyingParty: { readonly rpId: string; readonly origin: string };
  readonly database: Transactor;
  readonly passkeys: PasskeyStore;
  readonly recorder: Recorder;
  readonly files: () => Promise<GateFiles>;
  readonly verify: RegistrationVerifier;
  readonly vouching: Vouching;
  readonly now: () => Date;
  readonly randomNonce: () => string;
}): Enrolment {
  const { relyingParty, database, passkeys, recorder, vouching } = ports;
  const enroller = async (nameId: string): Promise<Person> =>
    enrollerIn(await ports.files(), nameId);
  return {
    async begin(nameId) {
      const person = await enroller(nameId);
      const challenge = ports.randomNonce();
      const now = ports.now();
      const mine = await passkeys.ofPerson(person.id);
      checkRoom(person, mine, now);
      const needsVouch = await vouching.isNeeded(person.id);
      const ceremony = {
        nonce: challenge,
        kind: 'enrolment',
        person: person.id,
        promotionId: null,
        statement: null,
        expiresAt: new Date(now.getTime() + ceremonyMinutes * 60_000),
      } as const;
      await passkeys.insertChallenge(ceremony, now);
      const existing = mine
        .filter(({ rpId }) => rpId === relyingParty.rpId)
        .map(({ credentialId }) => credentialId);
      return { challenge, person, existing, needsVouch };
    },

    async beginVouch(nameId, { challenge, answer }) {
      const person = await enroller(nameId);
      const credential = await ports.verify(answer, { challenge, ...relyingParty });
      const digest = enrolmentDigest({ ...relyingParty, ...credential, person: person.id });
      return vouching.begin(person.id, digest);
    },

    async finish(nameId, { challenge, label, answer, vouch }) {
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
          checkRoom(person, await passkeys.ofPersonAlone(tx, person.id), now);
          const digest = passkey.enrolmentDigest;
          const vouched = await vouching.take(tx, person.id, { digest, vouch });
          await passkeys.insert(tx, passkey);
          await recorder.record(tx, {
            type: 'passkey.enrolled',
            at: now,
            actor: `person:${person.id}`,
            subjectDigest: digest,
            refs: { person: person.id, ...vouched },
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
export function enrollerIn(files: Pick<GateFiles, 'roster' | 'targets'>, nameId: string): Person {
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
