/** Where passkeys and the challenges of their ceremonies are kept. */
import type { Transaction } from './ports.ts';

export type Passkey = {
  readonly credentialId: string;
  readonly person: string;
  readonly label: string;
  readonly publicKeyPem: string;
  readonly cosePublicKey: Buffer;
  readonly rpId: string;
  readonly origin: string;
  readonly signCount: number;
  readonly enrolledAt: Date;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
  /** SHA-256 of the enrolment record (approval/count-approvals.ts of the kernel); counts only if the ledger has it as `passkey.enrolled`. */
  readonly enrolmentDigest: string;
};

/** What a ceremony with a passkey is for; the store refuses every other. */
export const ceremonyKinds = ['enrolment', 'approval', 'lift', 'review', 'vouch'] as const;
export type CeremonyKind = (typeof ceremonyKinds)[number];

export type Challenge = {
  readonly nonce: string;
  readonly kind: CeremonyKind;
  readonly person: string;
  readonly promotionId: string | null;
  readonly statement: Buffer | null;
  readonly expiresAt: Date;
};

export type PasskeyStore = {
  find(credentialId: string): Promise<Passkey | null>;
  findMany(credentialIds: readonly string[]): Promise<Passkey[]>;
  /** Of everybody, without revoked ones, oldest first. */
  standing(): Promise<Passkey[]>;
  /** Of everybody, also revoked ones, without these credentials, the newest first. */
  newest(part: {
    readonly without: readonly string[];
    readonly skip: number;
    readonly take: number;
  }): Promise<Passkey[]>;
  /** All, also revoked ones, oldest first. */
  ofPerson(person: string): Promise<Passkey[]>;
  /** The same; until the transaction ends nobody else who asks so has an answer. */
  ofPersonAlone(tx: Transaction, person: string): Promise<Passkey[]>;
  /** @throws StoreError `passkey-known` */
  insert(tx: Transaction, passkey: Omit<Passkey, 'lastUsedAt' | 'revokedAt'>): Promise<void>;
  /** Only the first time counts. */
  revoke(tx: Transaction, credentialId: string, at: Date): Promise<void>;
  /** @throws StoreError `row-changed` when the counter is not `from` any more (two uses at once, or a cloned key). */
  moveSignCount(
    tx: Transaction,
    use: { credentialId: string; from: number; to: number; at: Date },
  ): Promise<void>;
  /** Also deletes what has expired at `now`. */
  insertChallenge(challenge: Challenge, now: Date): Promise<void>;
  /**
   * Takes the challenge out, so that a nonce counts once.
   * @throws StoreError `nonce-unknown` when it is not there or expired at `now`.
   */
  takeChallenge(tx: Transaction, nonce: string, now: Date): Promise<Challenge>;
};
