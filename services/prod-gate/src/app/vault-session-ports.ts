/** Where every login to Vault and every credential read with it is kept, from intent to revocation. */
import type { Id } from '@airlock/common/ids';
import type { PlannedCredential } from '../domain/planned-credentials.ts';
import type { Fenced } from './delivery-ports.ts';
import type { Transaction } from './ports.ts';

export type VaultSessionState =
  'INTENT' | 'TOKEN' | 'LEASED' | 'REVOKING' | 'REVOKE_PENDING' | 'CLEAN';

/** What the target's own database said to a login whose revocation had been asked for; unknown when it said nothing. */
export type LoginTrial = 'refused' | 'works' | 'unknown';

/** One credential of a session: planned with its intent, filled in when it was read. */
export type SessionCredential = PlannedCredential & {
  /** Null where Vault keeps no lease, and until it was read. */
  readonly leaseId: string | null;
  /** What it is known by outside, such as the Postgres role; null until it was read, also when a crash came before it was stored. */
  readonly holder: string | null;
  readonly issuedAt: Date | null;
  /** When it ends by itself at the latest; null until it was read and for what does not end by itself. */
  readonly diesAt: Date | null;
  /** When Vault was seen to list nothing of it any more; null for what revocation does not end. */
  readonly goneAt: Date | null;
  /** Whether the target itself refuses it after its revocation; null where the gate has no way to try that. */
  readonly trial: LoginTrial | 'due' | null;
  readonly triedAt: Date | null;
};

export type VaultSession = {
  /** Also the JWT's jti. */
  readonly id: string;
  readonly deliveryId: Id<'dlv'>;
  readonly target: string;
  readonly fence: number;
  readonly state: VaultSessionState;
  readonly jwtMount: string;
  /** Everything that it may read, in order; rows of the session's intent. */
  readonly credentials: readonly SessionCredential[];
  /** Until then somebody could still log in with the minted JWT. */
  readonly jwtExpiresAt: Date;
  /** When the token's longest life has passed for certain. */
  readonly deadline: Date;
  readonly accessor: string | null;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
  readonly attempts: number;
  readonly lastError: string | null;
};

export type MintedLoginRecord = {
  readonly sessionId: string;
  readonly deliveryId: string;
  readonly mintedAt: Date;
  readonly expiresAt: Date;
};

export type VaultSessionStore = {
  find(id: string): Promise<VaultSession | null>;
  ofDelivery(deliveryId: string): Promise<VaultSession | null>;
  /** The one session of the target that is not CLEAN. */
  uncleanOn(target: string): Promise<VaultSession | null>;
  unclean(): Promise<VaultSession[]>;
  /** CLEAN sessions whose minted login ended after `after` and not after `until`, which is in the past. */
  cleanWithLoginEnded(window: { after: Date; until: Date }): Promise<VaultSession[]>;
  /** CLEAN sessions that became so after `after` and not after `until`. */
  cleanedBetween(window: { after: Date; until: Date }): Promise<VaultSession[]>;
  /** State INTENT. @throws StoreError `target-busy` */
  insertIntent(
    tx: Transaction,
    session: {
      id: string;
      deliveryId: string;
      target: string;
      fence: number;
      jwtMount: string;
      /** With `trial` where the deliverer will try the login once it is revoked. */
      credentials: readonly (PlannedCredential & { readonly trial?: 'due' })[];
      jwtExpiresAt: Date;
      deadline: Date;
      at: Date;
    },
  ): Promise<void>;
  /** INTENT → TOKEN. Each of these answers false when the session is not in that state under that fence. */
  token(session: Fenced, accessor: string): Promise<boolean>;
  /** TOKEN or LEASED → LEASED: one of its credentials was read. */
  leased(
    tx: Transaction,
    session: Fenced,
    credential: Pick<SessionCredential, 'name' | 'leaseId' | 'diesAt'> & {
      holder: string;
      issuedAt: Date;
    },
  ): Promise<boolean>;
  /** A login that was due to be tried was. False when the session is not in revocation under that fence. */
  tried(
    session: Fenced,
    credential: { readonly name: string; readonly trial: LoginTrial; readonly at: Date },
  ): Promise<boolean>;
  /** INTENT, TOKEN or LEASED → REVOKING; from here on the watchdog finishes it at once. */
  revoking(session: Fenced): Promise<boolean>;
  /** Takes the session away from its delivery: state REVOKING, the fence the watchdog took over with. */
  fenceOff(tx: Transaction, session: Fenced, fence: number): Promise<boolean>;
  /** REVOKING → REVOKE_PENDING, or stays there: counts the attempt and keeps why it failed. */
  revokeFailed(id: string, error: string): Promise<void>;
  /** REVOKING or REVOKE_PENDING → CLEAN, with it what is revocable is gone. False when it was CLEAN before. */
  clean(tx: Transaction, id: string, at: Date): Promise<boolean>;
  minted(sessionId: string): Promise<MintedLoginRecord | null>;
  /** @throws StoreError `already-minted` */
  recordMint(tx: Transaction, mint: MintedLoginRecord): Promise<void>;
};
