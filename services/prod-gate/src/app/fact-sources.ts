/** What the facts of a verdict are read from. */
import { LedgerError } from '@airlock/common/ledger/ledger-error';
import type { LedgerFacts } from '../domain/ledger-facts.ts';
import type { Promotion } from '../domain/promotion.ts';
import type { GitReader } from './intake-ports.ts';
import type { ApprovalStore } from './approval-ports.ts';
import type { GateFiles } from './configuration-ports.ts';
import type { DeliveryStore } from './delivery-ports.ts';
import type { PasskeyStore } from './passkey-ports.ts';
import type { PromotionStore } from './promotion-ports.ts';
import type { RebuildStore } from './rebuild-ports.ts';
import type { VaultSessionStore } from './vault-session-ports.ts';
import type { ArtifactReader } from './read-artifact-delta.ts';
import type { ConfigurationProof } from './prove-configuration.ts';
import type { LedgerProofs } from './prove-entry.ts';
import type { EmergencyStop, StopStore } from './stop-ports.ts';

export type FactSources = {
  /** Origin of the gate, such as https://gate.example: in the document, and the only origin of passkeys. */
  gate: string;
  files(): Promise<GateFiles>;
  promotions: Pick<PromotionStore, 'find' | 'evidence' | 'liveOn' | 'freezeOf' | 'waitingOn'>;
  approvals: Pick<ApprovalStore, 'of'>;
  passkeys: Pick<PasskeyStore, 'findMany'>;
  deliveries: Pick<DeliveryStore, 'runningOn'>;
  sessions: Pick<VaultSessionStore, 'uncleanOn'>;
  rebuilds: Pick<RebuildStore, 'of'>;
  stops: Pick<StopStore, 'recent'>;
  emergency: EmergencyStop;
  /** Whether a lockfile of the promotion's commit locks this package; null where that is not known. */
  locks: (
    promotion: Pick<Promotion, 'id' | 'repository' | 'commit'>,
    purl: string,
  ) => Promise<boolean | null>;
  proofs: LedgerProofs;
  configuration: ConfigurationProof;
  artifacts: { has(digest: string): Promise<boolean> };
  /**
   * The gate's mirror of a repository; undefined when it has none. Null for a process that shows and does not decide: then
   * what git says is intake's record.
   */
  git: ((repository: string) => GitReader | undefined) | null;
  /** What artifacts hold, to compare them. Null for the same processes as `git`. */
  contents: ArtifactReader | null;
};

export type FactQuestion = {
  promotionId: string;
  now: Date;
  /**
   * The delivery on whose behalf is asked: its promotion may be `delivering`, and it and its Vault session do not count as
   * another delivery on the target. Null before a delivery has begun.
   */
  own: { deliveryId: string; sessionId?: string } | null;
};

/** What the signed ledger says, or why it cannot be proven. */
export type LedgerAnswer = { readonly facts: LedgerFacts } | { readonly fault: string };

/** @throws what is no fault of the ledger, such as Postgres. */
export async function ledgerFacts({ proofs }: Pick<FactSources, 'proofs'>): Promise<LedgerAnswer> {
  try {
    return { facts: await proofs.facts() };
  } catch (cause) {
    if (cause instanceof LedgerError) return { fault: `${cause.code}: ${cause.message}` };
    throw cause;
  }
}
