/**
 * The authority's one decision: may the deliverer log in to Vault for this session, now?
 *
 * The request carries two ids and is believed in nothing. Everything is read here again and verified from the signed
 * bytes: the promotion, its approvals, the policy, that the intent to deliver stands in a signed checkpoint and no other
 * intent for the same approvals does, and that this delivery has had no login yet. The mint is recorded before the signature
 * exists, so there is no login without a record.
 */
import type { HookKind } from '@airlock/common/hook/kind';
import { AirlockError } from '@airlock/common/errors';
import type { CredentialRead } from '@airlock/common/policy/target-credentials';
import type { WaiverKind } from '@airlock/common/promotion/waiver';
import type { TargetPolicy } from '@airlock/common/policy/target-policy';
import type { MintedLogin, MintRequest } from '@airlock/common/wire/authority-protocol';
import { openedWaiver, useRefs, type OwedReview } from '../domain/waiver.ts';
import { plannedCredentials } from '../domain/planned-credentials.ts';
import type { ProvenIntent } from '../domain/ledger-facts.ts';
import type { Promotion } from '../domain/promotion.ts';
import { contractCode, type PromotionFacts, type Verdict } from '../domain/verdict.ts';
import type { Delivery, DeliveryStore } from './delivery-ports.ts';
import type { Recorder } from './ledger-ports.ts';
import { StoreError, type Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';
import type { VaultSession, VaultSessionStore } from './vault-session-ports.ts';
import type { FollowLedger } from './follow-ledger.ts';

export type MintErrorCode = 'mint-refused';

/** No login. The deliverer ends the session and the delivery; asking again changes nothing. */
export class MintError extends AirlockError<MintErrorCode> {
  /** Every reason, as codes: contract, shown in the delivery's log. */
  readonly codes: readonly string[];

  constructor(codes: readonly string[]) {
    super('mint-refused', `no login for this delivery: ${codes.join(', ')}`);
    this.codes = codes;
  }
}

/** What Vault checks at login and writes into its audit log. All strings but the three times, for Vault compares strings. */
export type LoginClaims = {
  readonly iss: string;
  readonly aud: string;
  readonly sub: string;
  readonly target: string;
  readonly purpose: 'delivery';
  readonly approval_state: 'satisfied';
  readonly approvals: string;
  readonly delivery_id: string;
  readonly promotion_digest: string;
  readonly artifact_digest: string;
  readonly commit: string;
  readonly policy_rev: string;
  /** The session: one login each. */
  readonly jti: string;
  /** Seconds since 1970. */
  readonly iat: number;
  readonly nbf: number;
  readonly exp: number;
};

export type LoginSigner = {
  /** @returns a compact JWS with ES256. */
  sign(claims: LoginClaims): Promise<string>;
};

export type MintDependencies = {
  transactor: Transactor;
  promotions: Pick<PromotionStore, 'find'>;
  deliveries: Pick<DeliveryStore, 'find'>;
  sessions: Pick<VaultSessionStore, 'find' | 'minted' | 'recordMint'>;
  recorder: Recorder;
  /** The authority's own facts and verdict for a promotion under its own delivery. */
  judge(question: {
    promotionId: string;
    deliveryId: string;
    now: Date;
  }): Promise<{ facts: PromotionFacts; verdict: Verdict } | null>;
  /** The target's policy as it is on disk now, with the SHA-256 of its bytes. */
  policyOf(target: string): Promise<{ policy: TargetPolicy; digest: string } | null>;
  /** What is in force now, for the record. */
  files(): Promise<{
    readonly trustDigest: string;
    readonly manifest: { readonly digest: string };
  }>;
  /** What a registered hook says of being run again; null where the pinned files are not there. */
  hookKind(hook: string): Promise<HookKind | null>;
  /** What the whole ledger says: of an intent that is not there, no index of Postgres is a proof. */
  ledger: FollowLedger;
  signer: LoginSigner;
  issuer: string;
  /** Longest life of a login, in seconds (5 to 60). */
  loginSeconds: number;
  clock: () => Date;
};

export type MintLogin = (request: MintRequest) => Promise<MintedLogin>;

/**
 * @returns a function that mints at most one login a delivery and throws MintError `mint-refused` with every reason.
 */
export function mintLogin(dependencies: MintDependencies): MintLogin {
  const { sessions, deliveries, promotions, clock } = dependencies;
  return async ({ deliveryId, sessionId }) => {
    const now = clock();
    const [delivery, session] = await Promise.all([
      deliveries.find(deliveryId),
      sessions.find(sessionId),
    ]);
    if (delivery === null) throw new MintError(['delivery-unknown']);
    if (session === null) throw new MintError(['session-unknown']);
    const promotion = await promotions.find(delivery.promotionId);
    if (promotion === null) throw new MintError(['promotion-unknown']);

    const [target, files, judgement, minted, intent] = await Promise.all([
      dependencies.policyOf(delivery.target),
      dependencies.files(),
      dependencies.judge({ promotionId: promotion.id, deliveryId, now }),
      sessions.minted(sessionId),
      intentFaults(delivery, promotion),
    ]);
    const codes = [
      ...deliveryFaults(delivery, promotion),
      ...sessionFaults(session, delivery, target?.policy ?? null, now),
      ...(minted === null ? [] : ['already-minted']),
      ...intent,
      ...verdictCodes(judgement?.verdict ?? null),
      // The mount below is taken from this file, so it must be the one that was approved.
      ...(target?.digest === promotion.policyDigest ? [] : ['E_POLICY_CHANGED']),
      ...(judgement?.facts.promotion.promotionDigest === promotion.promotionDigest
        ? []
        : ['promotion-changed']),
    ];
    if (judgement === null || target === null || codes.length > 0) {
      throw new MintError([...new Set(codes.length > 0 ? codes : ['promotion-unknown'])]);
    }

    const issuedAt = Math.floor(now.getTime() / 1000);
    // Never later than what the row says, because the watchdog calls a session clean by the row.
    const expiresAt = Math.min(
      issuedAt + dependencies.loginSeconds,
      Math.floor(session.jwtExpiresAt.getTime() / 1000),
    );
    if (expiresAt <= issuedAt) throw new MintError(['session-expired']);
    const { jwtMount, jwtRole } = target.policy.credentials.vault;
    await recordMint({
      ...{ delivery, session, promotion, now, files },
      waived: waived(judgement.facts, target.policy),
      expiresAt: new Date(expiresAt * 1000),
    });
    const jwt = await dependencies.signer.sign({
      iss: dependencies.issuer,
      aud: `vault-prod/${delivery.target}`,
      sub: `target:${delivery.target}`,
      target: delivery.target,
      purpose: 'delivery',
      approval_state: 'satisfied',
      approvals: String(judgement.facts.approvals.have),
      delivery_id: delivery.id,
      promotion_digest: promotion.promotionDigest,
      artifact_digest: promotion.artifactDigest,
      commit: promotion.commit,
      policy_rev: promotion.policyDigest,
      jti: session.id,
      iat: issuedAt,
      nbf: issuedAt,
      exp: expiresAt,
    });
    return {
      jwt,
      mount: jwtMount,
      role: jwtRole,
      expiresAt: new Date(expiresAt * 1000).toISOString(),
    };
  };

  async function intentFaults(delivery: Delivery, promotion: Promotion): Promise<string[]> {
    const facts = await dependencies.ledger();
    const intent = facts.intentOf(delivery.id);
    if (intent === null) return ['intent-unpublished'];
    if (!isIntentOf(intent, delivery, promotion)) return ['intent-differs'];
    // The row of the first login can be deleted; the authority's own entry about it cannot.
    if (!facts.awaitsLogin(delivery.id)) return ['already-minted'];
    // Approvals carry one delivery. The rows that say so are the deliverer's own to write; the ledger is not.
    const others = facts
      .deliveriesUnder(promotion.promotionDigest)
      .filter((id) => id !== delivery.id);
    const [before] = others;
    if (before === undefined) return intent.repeats === null ? [] : ['intent-differs'];
    const isRepeat =
      others.length === 1 && intent.repeats === before && facts.wasInterrupted(before);
    if (!isRepeat) return ['delivered-before'];
    // What the hook says of itself is read here, from the files that were approved.
    const kind = await dependencies.hookKind(promotion.hook);
    return kind === 'idempotent' || kind === 'probing' ? [] : ['delivered-before'];
  }

  async function recordMint(mint: {
    delivery: Delivery;
    session: VaultSession;
    promotion: Promotion;
    now: Date;
    waived: Waived | null;
    files: Awaited<ReturnType<MintDependencies['files']>>;
    expiresAt: Date;
  }): Promise<void> {
    const { delivery, session, promotion, now, waived, expiresAt } = mint;
    try {
      await dependencies.transactor.transaction(async (tx) => {
        await sessions.recordMint(tx, {
          sessionId: session.id,
          deliveryId: delivery.id,
          mintedAt: now,
          expiresAt,
        });
        // Nobody else's word: without this entry there is no login, so that no delivery that passed without something is unknown.
        if (waived !== null) {
          await dependencies.recorder.record(tx, {
            ...{ type: `${waived.kind}.used`, at: now, actor: 'authority' },
            subjectDigest: promotion.promotionDigest,
            refs: useRefs({
              ...{ deliveryId: delivery.id, promotionId: promotion.id, at: now, ...waived },
              ...{ target: delivery.target, release: promotion.release },
            }),
          });
        }
        await dependencies.recorder.record(tx, {
          type: 'credential.requested',
          at: now,
          actor: 'authority',
          subjectDigest: promotion.promotionDigest,
          refs: {
            session: session.id,
            delivery: delivery.id,
            target: delivery.target,
            trust: mint.files.trustDigest,
            configuration: mint.files.manifest.digest,
          },
        });
      });
    } catch (cause) {
      if (cause instanceof StoreError && cause.code === 'already-minted') {
        throw new MintError(['already-minted']);
      }
      throw cause;
    }
  }
}

type Waived = {
  readonly kind: WaiverKind;
  readonly asker: string;
  readonly approvers: readonly string[];
  /** Who started it by hand; null where it starts by itself. */
  readonly starter: string | null;
  readonly review: OwedReview;
};

/** Who is involved and what is owed, where approvers signed that it passes without something; null elsewhere. */
function waived({ waiver, approvals, start }: PromotionFacts, policy: TargetPolicy): Waived | null {
  if (waiver === null) return null;
  const { kind, person } = waiver;
  const opened = openedWaiver(policy, kind);
  // The verdict passes none where the file opens no such way.
  if (opened === null) throw new MintError(['waiver-closed']);
  const { review } = opened;
  return {
    kind,
    asker: person,
    approvers: approvals.counting,
    review,
    starter: start?.startedBy ?? null,
  };
}

function deliveryFaults(delivery: Delivery, promotion: Promotion): string[] {
  const faults: string[] = [];
  if (delivery.state !== 'running') faults.push('delivery-not-running');
  if (delivery.target !== promotion.target) faults.push('delivery-of-other-target');
  // A login for a hook that ran already would be a second delivery.
  if (delivery.hookStartedAt !== null) faults.push('hook-started-before');
  return faults;
}

function sessionFaults(
  session: VaultSession,
  delivery: Delivery,
  policy: TargetPolicy | null,
  now: Date,
): string[] {
  const faults: string[] = [];
  if (session.deliveryId !== delivery.id || session.target !== delivery.target) {
    faults.push('session-of-other-delivery');
  }
  if (session.fence !== delivery.fence) faults.push('session-fenced-off');
  if (session.state !== 'INTENT') faults.push('session-not-intent');
  if (session.jwtExpiresAt <= now) faults.push('session-expired');
  // What the watchdog will sweep must be what the login opens.
  const vault = policy?.credentials.vault;
  if (
    vault !== undefined &&
    (session.jwtMount !== vault.jwtMount || !readsExactly(session, vault.reads))
  ) {
    faults.push('session-of-other-mount');
  }
  return faults;
}

function readsExactly({ credentials }: VaultSession, reads: readonly CredentialRead[]): boolean {
  const planned = plannedCredentials(reads);
  return (
    credentials.length === planned.length &&
    planned.every(({ name, kind, path, ending }, index) => {
      const row = credentials[index];
      return row?.name === name && row.kind === kind && row.path === path && row.ending === ending;
    })
  );
}

function verdictCodes(verdict: Verdict | null): string[] {
  if (verdict === null) return ['promotion-unknown'];
  return verdict.allowed ? [] : verdict.reasons.map(contractCode);
}

/** In every part that the ledger calls live once this delivery has succeeded. */
function isIntentOf(intent: ProvenIntent, delivery: Delivery, promotion: Promotion): boolean {
  return (
    intent.target === delivery.target &&
    intent.promotionId === promotion.id &&
    intent.promotionDigest === promotion.promotionDigest &&
    intent.release === promotion.release &&
    intent.artifactDigest === promotion.artifactDigest &&
    intent.commit === promotion.commit &&
    intent.mainPosition === promotion.mainPosition
  );
}
