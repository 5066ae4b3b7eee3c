/**
 * A release manager enrols a security key of OpenSSH, to approve from a terminal. It is kept, recorded in the ledger and
 * listed in the roster exactly as a passkey is; only how it proves itself differs.
 */
import { enrolmentDigest } from '@airlock/common/approval/count-approvals';
import { ApprovalError } from '@airlock/common/approval/approval-codes';
import {
  parseSecurityKey,
  verifySecurityKey,
  type SecurityKey,
} from '@airlock/common/approval/security-key';
import { enrolmentNamespace, securityKeyApplication } from '@airlock/common/constants';
import { SshError } from '@airlock/common/trust/ssh-signature';
import { DecisionError } from './decision-error.ts';
import type { CoSignCeremony, SignedAnswer } from './co-sign.ts';
import { asDecisionError, ceremonyMinutes } from './ceremony.ts';
import { enrollerIn } from './enrol-passkey.ts';
import { checkRoom } from './enrolment-room.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import type { PasskeyStore } from './passkey-ports.ts';
import type { Transactor } from './ports.ts';
import type { Vouching } from './vouch-passkey.ts';

export interface SecurityKeyEnrolment {
  /** `text` is what the key signs with `ssh-keygen -Y sign -n airlock-enrolment@v1`, byte for byte. */
  begin(nameId: string): Promise<{ challenge: string; text: string; needsVouch: boolean }>;
  /**
   * For a passkey in force to sign for the key.
   *
   * @throws DecisionError `passkey-refused`, `vouch-missing`, `passkey-missing`, `role-missing`, `person-unknown`
   */
  beginVouch(nameId: string, given: { publicKey: string }): Promise<CoSignCeremony>;
  /**
   * @param given.publicKey the line of the `.pub` file.
   * @param given.signature the armoured signature.
   * @throws DecisionError `ceremony-expired`, `passkey-refused`, `vouch-missing`, `passkeys-full`, `passkeys-too-many`,
   *   `role-missing`, `person-unknown`
   */
  finish(
    nameId: string,
    given: {
      challenge: string;
      label: string;
      publicKey: string;
      signature: string;
      vouch: SignedAnswer | null;
    },
  ): Promise<{ fingerprint: string }>;
}

export function createSecurityKeyEnrolment(ports: {
  readonly relyingParty: { readonly origin: string };
  readonly database: Transactor;
  readonly passkeys: Pick<
    PasskeyStore,
    'insert' | 'insertChallenge' | 'takeChallenge' | 'ofPerson' | 'ofPersonAlone'
  >;
  readonly vouching: Vouching;
  readonly recorder: Recorder;
  readonly files: () => Promise<GateFiles>;
  readonly now: () => Date;
  readonly randomNonce: () => string;
}): SecurityKeyEnrolment {
  const { database, passkeys, recorder, vouching } = ports;
  const { origin } = ports.relyingParty;
  const enrolmentOf = (person: string, key: SecurityKey) => ({
    ...{ person, credentialId: key.fingerprint },
    ...{ publicKeyPem: key.publicKeyPem, rpId: securityKeyApplication, origin },
  });
  return {
    async begin(nameId) {
      const person = enrollerIn(await ports.files(), nameId);
      const challenge = ports.randomNonce();
      const text = `airlock enrolment\ngate ${origin}\nperson ${person.id}\nchallenge ${challenge}\n`;
      const now = ports.now();
      checkRoom(person, await passkeys.ofPerson(person.id), now);
      const needsVouch = await vouching.isNeeded(person.id);
      const ceremony = {
        nonce: challenge,
        kind: 'enrolment',
        person: person.id,
        promotionId: null,
        statement: Buffer.from(text),
        expiresAt: new Date(now.getTime() + ceremonyMinutes * 60_000),
      } as const;
      await passkeys.insertChallenge(ceremony, now);
      return { challenge, text, needsVouch };
    },

    async beginVouch(nameId, { publicKey }) {
      const person = enrollerIn(await ports.files(), nameId);
      return vouching.begin(person.id, enrolmentDigest(enrolmentOf(person.id, readKey(publicKey))));
    },

    async finish(nameId, { challenge, label, publicKey, signature, vouch }) {
      const person = enrollerIn(await ports.files(), nameId);
      const key = readKey(publicKey);
      const now = ports.now();
      try {
        await database.transaction(async (tx) => {
          const taken = await passkeys.takeChallenge(tx, challenge, now);
          if (
            taken.kind !== 'enrolment' ||
            taken.person !== person.id ||
            taken.statement === null
          ) {
            throw new DecisionError(
              'ceremony-expired',
              'This ceremony was for something else; start again.',
            );
          }
          const { signCount } = proveHeld(key, signature, taken.statement);
          const facts = enrolmentOf(person.id, key);
          const digest = enrolmentDigest(facts);
          checkRoom(person, await passkeys.ofPersonAlone(tx, person.id), now);
          const vouched = await vouching.take(tx, person.id, { digest, vouch });
          await passkeys.insert(tx, {
            ...{ ...facts, label, signCount, enrolledAt: now, enrolmentDigest: digest },
            cosePublicKey: key.blob,
          });
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
      return { fingerprint: key.fingerprint };
    },
  };
}

function readKey(line: string): SecurityKey {
  try {
    return parseSecurityKey(line);
  } catch (cause) {
    if (!(cause instanceof SshError)) throw cause;
    throw new DecisionError('passkey-refused', `This key cannot be enrolled: ${cause.message}.`, {
      cause,
    });
  }
}

/** That whoever enrols it holds it, and that it asks for PIN or finger. */
function proveHeld(key: SecurityKey, signature: string, text: Uint8Array): { signCount: number } {
  try {
    return verifySecurityKey(signature, text, {
      ...{ fingerprint: key.fingerprint, publicKeyPem: key.publicKeyPem },
      ...{ namespace: enrolmentNamespace, signCount: 0 },
    });
  } catch (cause) {
    if (!(cause instanceof ApprovalError)) throw cause;
    throw new DecisionError(
      'passkey-refused',
      `This key cannot be enrolled: ${cause.message} (${cause.code}). Nothing was kept; start again.`,
      { cause },
    );
  }
}
