/**
 * The ceremony of everything that several people sign, each for themselves: this process makes the statement, keeps it, has
 * the passkey sign it and keeps the signature. It decides nothing by it; the authority counts from the stored bytes.
 */
import {
  coSignatureStatement,
  parseCoSignature,
  type Matter,
} from '@airlock/common/approval/co-signature';
import { approvalChallenge } from '@airlock/common/approval/statement';
import { verifyApprovalSignature } from '@airlock/common/approval/verify-signature';
import { AirlockError } from '@airlock/common/errors';
import { formatTimestamp } from '@airlock/common/time';
import type { AssertionAnswer } from './approve-promotion.ts';
import type { KeptCoSignature } from './waiver-ports.ts';
import { DecisionError } from './decision-error.ts';
import { asDecisionError, ceremonyMinutes } from './ceremony.ts';
import type { CeremonyKind, PasskeyStore } from './passkey-ports.ts';
import type { Transaction, Transactor } from './ports.ts';

export interface CoSignCeremony {
  /** base64url of SHA-256(PAE(type, statement)). */
  readonly challenge: string;
  readonly nonce: string;
  readonly statement: string;
  readonly digest: string;
  readonly credentialIds: readonly string[];
}

export type SignedAnswer = { readonly nonce: string; readonly answer: AssertionAnswer };

/** What is signed, by its id and by the digest of what was read. */
export type CoSignSubject = { readonly id: string; readonly digest: string };

export type CoSigning = {
  /** @throws DecisionError `passkey-missing` */
  begin(person: string, subject: CoSignSubject): Promise<CoSignCeremony>;
  /** @throws DecisionError `ceremony-expired`, `passkey-unknown`, `passkey-refused` */
  sign(person: string, subject: CoSignSubject, given: SignedAnswer): Promise<void>;
  /** The same, in a transaction that does more. @throws DecisionError, and StoreError for `asDecisionError` to read. */
  signWithin(
    tx: Transaction,
    person: string,
    subject: CoSignSubject,
    given: SignedAnswer,
  ): Promise<KeptCoSignature>;
};

/** Whoever signs after the first has as long. */
const goodForHours = 24;

export type CoSignPorts = {
  readonly gate: string;
  readonly rpId: string;
  readonly passkeys: PasskeyStore;
  readonly database: Transactor;
  readonly now: () => Date;
  readonly randomNonce: () => string;
};

export function createCoSigning(
  of: { readonly matter: Matter; readonly kind: CeremonyKind },
  ports: CoSignPorts & { keep(tx: Transaction, kept: KeptCoSignature): Promise<void> },
): CoSigning {
  const { passkeys, gate } = ports;
  const signing: CoSigning = {
    async begin(person, { id, digest }) {
      const mine = (await passkeys.ofPerson(person)).filter(
        ({ revokedAt, origin }) => revokedAt === null && origin === gate,
      );
      if (mine.length === 0) {
        throw new DecisionError(
          'passkey-missing',
          'You have no passkey here yet; add one on your page, then come back.',
        );
      }
      const now = ports.now();
      const nonce = ports.randomNonce();
      const statement = coSignatureStatement(of.matter, {
        ...{ id, digest, person, nonce },
        notAfter: formatTimestamp(new Date(now.getTime() + goodForHours * 3_600_000)),
      });
      await passkeys.insertChallenge(
        {
          ...{ nonce, kind: of.kind, person, promotionId: null, statement },
          expiresAt: new Date(now.getTime() + ceremonyMinutes * 60_000),
        },
        now,
      );
      return {
        challenge: approvalChallenge(statement).toString('base64url'),
        ...{ nonce, statement: statement.toString('utf8'), digest },
        // Those that a browser can ask for; a security key signs what the terminal gives it.
        credentialIds: mine
          .filter(({ rpId }) => rpId === ports.rpId)
          .map(({ credentialId }) => credentialId),
      };
    },

    async sign(person, subject, given) {
      try {
        await ports.database.transaction((tx) => signing.signWithin(tx, person, subject, given));
      } catch (error) {
        throw asDecisionError(error);
      }
    },

    async signWithin(tx, person, subject, { nonce, answer }) {
      const now = ports.now();
      const { kind, statement, ...ceremony } = await passkeys.takeChallenge(tx, nonce, now);
      const isThis = kind === of.kind && ceremony.person === person && statement !== null;
      if (!isThis || parseCoSignature(of.matter, statement).id !== subject.id) {
        throw new DecisionError(
          'ceremony-expired',
          'This ceremony was for something else; start again.',
        );
      }
      const passkey = await passkeys.find(answer.credentialId);
      if (passkey === null || passkey.person !== person) {
        throw new DecisionError('passkey-unknown', 'That passkey is not one of yours here.');
      }
      const { signCount } = verified(() =>
        verifyApprovalSignature(answer, statement, {
          id: passkey.credentialId,
          ...{ publicKeyPem: passkey.publicKeyPem, rpId: passkey.rpId, origins: [gate] },
          signCount: passkey.signCount,
        }),
      );
      await passkeys.moveSignCount(tx, {
        credentialId: passkey.credentialId,
        ...{ from: passkey.signCount, to: signCount, at: now },
      });
      const { authenticatorData, clientDataJSON, signature } = answer;
      const kept = {
        ...{ subjectId: subject.id, person, statement, nonce, signedAt: now },
        credentialId: passkey.credentialId,
        answer: { authenticatorData, clientDataJSON, signature },
        signCountBefore: passkey.signCount,
      };
      await ports.keep(tx, kept);
      return kept;
    },
  };
  return signing;
}

function verified<T>(verify: () => T): T {
  try {
    return verify();
  } catch (cause) {
    if (!(cause instanceof AirlockError)) throw cause;
    throw new DecisionError(
      'passkey-refused',
      `The passkey did not sign this: ${cause.message} (${cause.code}).`,
      { cause },
    );
  }
}
