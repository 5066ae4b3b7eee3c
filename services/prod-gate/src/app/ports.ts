/**
 * What the use cases need from outside. Each process hands a use case only the ports that it may use.
 *
 * Rows are not evidence: authority and deliverer verify the signed bytes (bundle, approvals, checkpoints) again.
 */
import type { HookKind } from '@airlock/common/hook/kind';
import { AirlockError } from '@airlock/common/errors';
import type { Id } from '@airlock/common/ids';
import type { LedgerEntryType } from '@airlock/common/ledger/entry';
import type { Roster, TargetPolicy } from '@airlock/common/policy/target-policy';
import type { TrustStore } from '@airlock/common/trust/signer';
import type { Verification } from '../domain/delivery.ts';
import type { Delta } from '../domain/delta.ts';
import type { PlannedCredential } from '../domain/planned-credentials.ts';
import type { ListedPromotion, Promotion, PromotionState } from '../domain/promotion.ts';

export type StoreErrorCode =
  /** The row is not in the state, fence or version that the change was based on. */
  | 'row-changed'
  /** Another delivery runs on the target, or a Vault session of it is not CLEAN. */
  | 'target-busy'
  /** The promotion has had its delivery. */
  | 'E_DELIVERY_CLAIMED'
  /** The very same bundle, or its provenance, is admitted for this target. */
  | 'already-admitted'
  /** The nonce has been used or was never given out, or it has expired. */
  | 'nonce-unknown'
  /** There is an attestation of this kind about this. */
  | 'already-attested'
  /** A login was minted for this session before. */
  | 'already-minted'
  /** The passkey is enrolled already. */
  | 'passkey-known'
  /** This builder has said the same of this promotion before. */
  | 'rebuild-known'
  /** What Postgres holds is not what this version writes. */
  | 'row-malformed';

/** A change that the database refused for a reason that callers tell apart. */
export class StoreError extends AirlockError<StoreErrorCode> {}

/** One database transaction. Holds nothing itself; the stores of the same database know what it stands for. */
export type Transaction = { readonly startedAt: Date };

export type Transactor = {
  /** Commits when `work` returns, rolls back when it throws. At most 10 s. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
};

// ── promotions ──────────────────────────────────────────────────────────────────────────────────────────────────

export type NewPromotion = Omit<
  Promotion,
  'state' | 'stateReason' | 'stateChangedAt' | 'version'
> & {
  readonly bundle: Uint8Array;
  readonly document: Uint8Array;
};

export type PromotionEvidence = { readonly bundle: Buffer; readonly document: Buffer };

export type LiveRelease = {
  readonly target: string;
  readonly promotionId: Id<'prm'>;
  readonly deliveryId: Id<'dlv'>;
  readonly release: string;
  readonly artifactDigest: string;
  readonly commit: string;
  readonly mainPosition: number;
  readonly since: Date;
};

export type RepositoryFreeze = {
  readonly repository: string;
  readonly reason: string;
  readonly since: Date;
};

export type PromotionStore = {
  find(id: string): Promise<Promotion | null>;
  /** The signed bytes; large, so they are read only by who verifies them. */
  evidence(id: string): Promise<PromotionEvidence | null>;
  /** Oldest first. */
  inState(state: PromotionState): Promise<Promotion[]>;
  liveOn(target: string): Promise<LiveRelease | null>;
  freezeOf(repository: string): Promise<RepositoryFreeze | null>;
  /** @throws StoreError `already-admitted` */
  insert(tx: Transaction, promotion: NewPromotion): Promise<void>;
  /** Locks the row until the transaction ends; approvals, rejections and starts take this lock first. */
  lock(tx: Transaction, id: string): Promise<Promotion | null>;
  /** @throws StoreError `row-changed` when the promotion is not in `from`. */
  setState(
    tx: Transaction,
    change: {
      id: string;
      from: PromotionState;
      to: PromotionState;
      /** One sentence for people. */
      reason: string | null;
      at: Date;
    },
  ): Promise<void>;
  /** Puts a new document in place of one that facts overtook. @throws StoreError `row-changed` when it no longer waits. */
  replaceDocument(
    tx: Transaction,
    change: {
      id: string;
      document: Uint8Array;
      promotionDigest: string;
      policyDigest: string;
      hook: string;
      delta: Delta;
      expiresAt: Date;
    },
  ): Promise<void>;
  setLive(tx: Transaction, live: LiveRelease): Promise<void>;
};

// ── intake ──────────────────────────────────────────────────────────────────────────────────────────────────────

export type OutboxCursor = { readonly seq: number; readonly itemHash: string };

export type IntakeItem = {
  readonly source: string;
  readonly seq: number;
  readonly itemHash: string;
  readonly requestId: string;
  readonly claimedTarget: string;
  readonly bundleDigest: string;
  readonly artifactDigest: string;
  readonly receivedAt: Date;
  readonly outcome: 'admitted' | 'refused';
  /** Admission code; null when admitted. */
  readonly code: string | null;
  readonly detail: string | null;
  readonly promotionId: string | null;
  readonly reportedState: string | null;
};

export type AdmittedBefore = {
  /** The very same bundle was admitted for this target, whatever became of it. */
  readonly sameBundle: boolean;
  /** Provenance envelopes and payloads that a promotion of this target stands on which may still or does count. */
  readonly envelopes: readonly string[];
  readonly payloads: readonly string[];
  /** Artifact digest that this run is known by, for any target; null when the run is new. */
  readonly artifactOfInvocation: string | null;
};

export type IntakeStore = {
  cursor(source: string): Promise<OutboxCursor | null>;
  /** Notes that the outbox was asked; `head` is the highest seq that it has. */
  polled(source: string, poll: { head: number; at: Date }): Promise<void>;
  /** Records the item and moves the cursor to it. @throws StoreError `row-changed` when the cursor is not right before. */
  record(tx: Transaction, item: Omit<IntakeItem, 'reportedState'>): Promise<void>;
  admittedBefore(facts: {
    target: string;
    bundleDigest: string;
    envelopeDigest: string;
    provenanceDigest: string;
    invocationId: string;
  }): Promise<AdmittedBefore>;
  /** Items whose state nonprod has not been told, with their promotion; at most 64. */
  unreported(source: string): Promise<{ item: IntakeItem; promotion: Promotion | null }[]>;
  reported(source: string, seq: number, state: string): Promise<void>;
  recordHead(
    tx: Transaction,
    head: { repository: string; commit: string; position: number },
  ): Promise<boolean>;
  freeze(tx: Transaction, freeze: { repository: string; reason: string }): Promise<boolean>;
  /** False when it was not frozen. */
  release(tx: Transaction, repository: string): Promise<boolean>;
};

// ── approvals and passkeys ──────────────────────────────────────────────────────────────────────────────────────

export type SignedApproval = {
  /** Canonical in-toto Statement, whose PAE hash was the WebAuthn challenge. */
  readonly statement: Buffer;
  readonly credentialId: string;
  /** base64url, as the browser gave them. */
  readonly authenticatorData: string;
  readonly clientDataJson: string;
  readonly signature: string;
  readonly signCountBefore: number;
  readonly nonce: string;
};

export type Approval = {
  readonly id: Id<'apr'>;
  readonly promotionId: string;
  /** Roster id. */
  readonly person: string;
  readonly decision: 'approve' | 'reject';
  readonly note: string;
  /** The document that was decided on; an approval of an older one no longer counts. */
  readonly promotionDigest: string;
  /** Null for a rejection, which needs no passkey. */
  readonly signed: SignedApproval | null;
  readonly createdAt: Date;
  /** Null while it stands. */
  readonly withdrawn: { readonly at: Date; readonly reason: string } | null;
};

export type ApprovalStore = {
  /** Oldest first, withdrawn ones too. */
  of(promotionId: string): Promise<Approval[]>;
  /** @throws StoreError `nonce-unknown` when the nonce was used before. */
  insert(tx: Transaction, approval: Omit<Approval, 'withdrawn'>): Promise<void>;
  /** @throws StoreError `row-changed` when it was withdrawn before. */
  withdraw(
    tx: Transaction,
    withdrawal: {
      approvalId: string;
      promotionId: string;
      person: string;
      reason: string;
      at: Date;
    },
  ): Promise<void>;
};

/** A document of a promotion that facts overtook; approvals of it no longer count. */
export type ReplacedDocument = {
  readonly promotionId: string;
  readonly promotionDigest: string;
  readonly document: Buffer;
  /** Members of the document that were no longer so. */
  readonly changed: readonly string[];
  readonly replacedBy: string;
  readonly replacedAt: Date;
};

export type ReplacedDocumentStore = {
  /** Oldest first. */
  of(promotionId: string): Promise<ReplacedDocument[]>;
  insert(tx: Transaction, replaced: ReplacedDocument): Promise<void>;
};

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
export const ceremonyKinds = ['enrolment', 'approval', 'lift', 'review'] as const;
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
  /** All, also revoked ones, oldest first. */
  ofPerson(person: string): Promise<Passkey[]>;
  /** @throws StoreError `passkey-known` */
  insert(tx: Transaction, passkey: Omit<Passkey, 'lastUsedAt' | 'revokedAt'>): Promise<void>;
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

// ── rebuilds ────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a builder that was asked to build again handed back. The envelopes prove themselves; the rest is for finding them. */
export type Rebuild = {
  readonly promotionId: string;
  readonly builderId: string;
  /** SHA-256 of what it made. */
  readonly subjectDigest: string;
  readonly keyId: string;
  /** DSSE envelope of SLSA provenance, one line, verbatim. */
  readonly envelope: Buffer;
  /** DSSE envelope of what differs; null when nothing does. */
  readonly difference: Buffer | null;
  readonly receivedAt: Date;
};

export type RebuildStore = {
  /** In the order in which they came. A builder that said two things is in it twice. */
  of(promotionId: string): Promise<Rebuild[]>;
  /** Those of these promotions that the builder has said something of. */
  answeredBy(builderId: string, promotionIds: readonly string[]): Promise<ReadonlySet<string>>;
  /** @throws StoreError `rebuild-known` */
  insert(tx: Transaction, rebuild: Rebuild): Promise<void>;
};

// ── deliveries ──────────────────────────────────────────────────────────────────────────────────────────────────

export type DeliveryState = 'running' | 'succeeded' | 'failed' | 'indeterminate';

export type Delivery = {
  readonly id: Id<'dlv'>;
  readonly promotionId: Id<'prm'>;
  readonly target: string;
  readonly state: DeliveryState;
  /** Where the saga is; the words are domain/delivery.ts's. */
  readonly step: string;
  /** Grows when somebody else takes the delivery over; every change names the fence that it was made under. */
  readonly fence: number;
  readonly owner: string;
  readonly heartbeatAt: Date;
  readonly startedAt: Date;
  /** Leaf hash (hex) of the ledger entry `delivery.intent`. */
  readonly intentDigest: string;
  readonly hookStartedAt: Date | null;
  /** As the hook that ran declares it; null before. */
  readonly hookKind: HookKind | null;
  readonly hookFinishedAt: Date | null;
  readonly hookExit: number | null;
  readonly hookResult: unknown;
  /** Null where the target file asks for none. */
  readonly verification: Verification | null;
  readonly finishedAt: Date | null;
  readonly outcomeReason: string | null;
  /** Id of the interrupted delivery whose place it takes; null for the first of a promotion. */
  readonly repeats: string | null;
};

export type DeliveryLogLine = {
  readonly sequence: number;
  readonly at: Date;
  readonly stream: 'gate' | 'stdout' | 'stderr';
  readonly line: string;
};

/** Names the delivery as this process knows it; a change under an old fence changes nothing. */
export type Fenced = { readonly id: string; readonly fence: number };

export type DeliveryStore = {
  find(id: string): Promise<Delivery | null>;
  /** Its last one: an interrupted delivery may have been repeated once. */
  ofPromotion(promotionId: string): Promise<Delivery | null>;
  running(): Promise<Delivery[]>;
  runningOn(target: string): Promise<Delivery | null>;
  /**
   * Starts with state running, fence 1 and step `intent`.
   * @throws StoreError `target-busy`, `E_DELIVERY_CLAIMED`
   */
  insert(
    tx: Transaction,
    delivery: {
      id: Id<'dlv'>;
      promotionId: string;
      target: string;
      owner: string;
      intentDigest: string;
      verification: 'due' | null;
      repeats: string | null;
      at: Date;
    },
  ): Promise<void>;
  /** Each of these answers false when the delivery has ended or somebody else holds it: then stop and revoke. */
  heartbeat(delivery: Fenced, at: Date): Promise<boolean>;
  setStep(tx: Transaction, delivery: Fenced, step: string): Promise<boolean>;
  hookStarted(
    tx: Transaction,
    delivery: Fenced,
    hook: { at: Date; kind: HookKind },
  ): Promise<boolean>;
  hookFinished(
    tx: Transaction,
    delivery: Fenced,
    hook: { at: Date; exit: number | null; result: unknown },
  ): Promise<boolean>;
  setVerification(tx: Transaction, delivery: Fenced, to: Verification): Promise<boolean>;
  finish(
    tx: Transaction,
    delivery: Fenced,
    end: { state: Exclude<DeliveryState, 'running'>; reason: string | null; at: Date },
  ): Promise<boolean>;
  /** Takes a running delivery away from its owner: fence + 1. Null when it is no longer under `fence` or has ended. */
  takeOver(tx: Transaction, delivery: Fenced, owner: string): Promise<Delivery | null>;
  appendLog(
    deliveryId: string,
    lines: readonly { at: Date; stream: DeliveryLogLine['stream']; line: string }[],
  ): Promise<void>;
  /** Lines with sequence > after, in order, at most `limit`. */
  log(deliveryId: string, window: { after: number; limit: number }): Promise<DeliveryLogLine[]>;
};

// ── vault sessions ──────────────────────────────────────────────────────────────────────────────────────────────

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

// ── attestations ────────────────────────────────────────────────────────────────────────────────────────────────

export type Attestation = {
  /** SHA-256 of the payload: the subject of the ledger's `attestation.issued`. */
  readonly digest: string;
  readonly kind: 'vsa' | 'delivery';
  /** Promotion or delivery that it is of; for a refused item `<source>/<seq>`. */
  readonly about: string;
  /** Target file under which; null where the gate has none for the target. */
  readonly policyDigest: string | null;
  /** Of a summary. Null for a delivery. */
  readonly result: 'PASSED' | 'FAILED' | null;
  /** DSSE envelope, one line without LF. */
  readonly envelope: Buffer;
  readonly issuedAt: Date;
};

export type AttestationStore = {
  /** @throws StoreError `already-attested` when there is one of this kind, result and policy. */
  insert(tx: Transaction, attestation: Attestation): Promise<void>;
  /** The summary with which a promotion passed under this target file. */
  summaryOf(promotionId: string, policyDigest: string): Promise<Attestation | null>;
  /** The statement of a delivery that is over. */
  statementOf(deliveryId: string): Promise<Attestation | null>;
  /** Whether a summary says that this promotion failed under this target file. */
  hasFailed(promotionId: string, policyDigest: string): Promise<boolean>;
  /** Ids of promotions that wait or are being delivered without having passed under their target file, oldest first. */
  promotionsWithoutSummary(limit: number): Promise<string[]>;
  /** Refused items without a summary, oldest first. */
  refusedWithoutSummary(limit: number): Promise<IntakeItem[]>;
  /** Ids of deliveries that ended before `endedBefore` and have no statement, oldest first. */
  deliveriesWithoutStatement(endedBefore: Date, limit: number): Promise<string[]>;
};

// ── ledger ──────────────────────────────────────────────────────────────────────────────────────────────────────

/** An entry as a use case states it; the body is the kernel's canonical JSON of these. */
export type EntryFacts = {
  readonly type: LedgerEntryType;
  readonly at: Date;
  /** Who: `intake`, `web`, `authority`, `deliverer`, `watchdog`, or `person:<id>`. */
  readonly actor: string;
  /** SHA-256 (hex) of what the entry is about. */
  readonly subjectDigest: string;
  /** Ids and digests; never personal free text, because an entry cannot be deleted. */
  readonly refs: Readonly<Record<string, string>>;
};

export type Recorder = {
  /**
   * Puts the entry into the queue of the ledger in the same transaction as the state change that it tells of.
   * @returns the leaf hash (hex) by which the entry will be found once it is sequenced.
   */
  record(tx: Transaction, entry: EntryFacts): Promise<string>;
};

export type LedgerRow = {
  readonly index: number;
  readonly body: Buffer;
  readonly leafHash: string;
  readonly sequencedAt: Date;
};

export type CheckpointRow = {
  readonly size: number;
  /** The signed note, with the lines of the witnesses that have cosigned it by now. */
  readonly note: string;
  readonly signedAt: Date;
};

export type Witnessed = CheckpointRow & {
  /** Whoever cosigned, by name of the key, oldest first. */
  readonly by: readonly { readonly witness: string; readonly at: Date }[];
};

/** What intake keeps of a witness's answers. */
export type CosignatureStore = {
  /** Size of the largest checkpoint that this witness cosigned; null before the first. */
  latest(witness: string): Promise<number | null>;
  /** Told twice is kept once. @param line with its line feed. */
  add(cosignature: { size: number; witness: string; line: string; at: Date }): Promise<void>;
};

/** The published ledger. What it returns is unproven until the proof is checked against the verifier key. */
export type LedgerReader = {
  checkpoint(): Promise<CheckpointRow | null>;
  /** The largest checkpoint that a witness cosigned. */
  witnessed(): Promise<Witnessed | null>;
  byLeafHash(leafHash: string): Promise<LedgerRow | null>;
  /** Oldest first. */
  bySubject(type: string, subjectDigest: string): Promise<LedgerRow[]>;
  /** Entries from `from` upwards, at most `limit`. */
  entries(from: number, limit: number): Promise<LedgerRow[]>;
  /** Hash tile (level, n): as many of its hashes as there are, 32 bytes each; null when it has none. */
  tile(level: number, n: number): Promise<Buffer | null>;
};

export type PendingEntry = { readonly id: bigint; readonly body: Buffer };

export type SequencedEntry = {
  readonly index: number;
  readonly body: Buffer;
  readonly leafHash: Buffer;
  readonly type: string;
  readonly subjectDigest: string;
};

/** The watchdog's side of the ledger. */
export type LedgerSequencer = {
  /**
   * Runs `work` in one transaction that alone holds the sequencer's lock: waits for another sequencer, commits when `work`
   * returns, rolls back when it throws.
   */
  exclusively<T>(work: (ledger: LedgerBatch) => Promise<T>): Promise<T>;
};

export type LedgerBatch = {
  /** Oldest first. */
  pending(limit: number): Promise<PendingEntry[]>;
  /** Which of these leaves are in the ledger already, in hexadecimal. */
  known(leafHashes: readonly Buffer[]): Promise<Set<string>>;
  head(): Promise<{ size: number; root: Buffer } | null>;
  /** The hashes of these tiles, as many as there are, in the order asked for; null where there is no such tile. */
  tiles(refs: readonly { level: number; n: number }[]): Promise<(Buffer | null)[]>;
  append(batch: {
    entries: readonly SequencedEntry[];
    tiles: readonly { level: number; n: number; hashes: Buffer }[];
    checkpoint: { size: number; root: Buffer; note: string };
  }): Promise<void>;
  drop(ids: readonly bigint[]): Promise<void>;
};

// ── reads for pages ─────────────────────────────────────────────────────────────────────────────────────────────

export type OutboxStatus = {
  readonly source: string;
  readonly seq: number;
  readonly head: number;
  readonly polledAt: Date;
};

/** For showing only; nothing is decided on what these return. */
export type PromotionQueries = {
  /** Newest first. */
  promotions(filter: {
    states?: readonly PromotionState[];
    target?: string;
    limit: number;
  }): Promise<ListedPromotion[]>;
  /** Approvals of many promotions at once, oldest first, by promotion id. */
  approvals(promotionIds: readonly string[]): Promise<Map<string, Approval[]>>;
  live(): Promise<LiveRelease[]>;
  /** Newest first. */
  deliveries(filter: { target?: string; limit: number }): Promise<Delivery[]>;
  /** Vault sessions, newest first; those not CLEAN before all others. */
  leases(limit: number): Promise<VaultSession[]>;
  /** What was pulled and refused, newest first. */
  refused(limit: number): Promise<IntakeItem[]>;
  outboxes(): Promise<OutboxStatus[]>;
  freezes(): Promise<RepositoryFreeze[]>;
  /** Newest first, below `before` (all when null). */
  ledgerEntries(window: { before: number | null; limit: number }): Promise<LedgerRow[]>;
};

// ── configuration ───────────────────────────────────────────────────────────────────────────────────────────────

/** A signed configuration, by its manifest. */
export type SignedConfiguration = {
  /** Grows with every change. */
  readonly serial: number;
  /** SHA-256 of the manifest; the subject of `configuration.changed`. */
  readonly digest: string;
  readonly previous: string | null;
  /** Key ids of the administrators who signed. */
  readonly signers: readonly string[];
  /** The DSSE envelope, verbatim. */
  readonly envelope: Buffer;
};

export type ConfigurationStore = {
  /** The one of the highest serial that intake has seen. A row is no evidence; the ledger is. */
  newest(): Promise<Pick<SignedConfiguration, 'serial' | 'digest'> | null>;
  /** The signed envelope of a configuration that intake has seen. */
  envelopeOf(digest: string): Promise<Buffer | null>;
  /** False when this configuration stands there already. @throws StoreError `row-changed` for another one of that serial. */
  insert(tx: Transaction, configuration: SignedConfiguration, seenAt: Date): Promise<boolean>;
};

// ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** The gate's files as they are now; every digest is the SHA-256 of the file's bytes. */
export type GateFiles = {
  readonly targets: ReadonlyMap<string, { readonly policy: TargetPolicy; readonly digest: string }>;
  readonly roster: { readonly roster: Roster; readonly digest: string };
  readonly trust: TrustStore;
  /** The list of these files that administrators signed. */
  readonly manifest: SignedConfiguration;
  /** The bytes of all of these files, by their SHA-256. */
  readonly bytes: ReadonlyMap<string, Buffer>;
  /** SHA-256 of trust.json. */
  readonly trustDigest: string;
  /** Digest of a registered hook's directory; null when it is not there. */
  hookDigest(name: string): Promise<string | null>;
  /** What the registered hook `name@sha256:…` says of being run again; null where those very files are not there. */
  hookKind(hook: string): Promise<HookKind | null>;
};
