/** What the deliverer's saga needs beside Vault: its rows, the authority, hooks, and a proven ledger. */
import type { HookKind } from '@airlock/common/hook/kind';
import type { CredentialKind } from '@airlock/common/policy/target-credentials';
import type { Egress } from '@airlock/common/policy/target-egress';
import type { ReturnOrder } from '@airlock/common/promotion/document';
import type { MintedLogin } from '@airlock/common/wire/authority-protocol';
import type { Credential } from './vault-ports.ts';
import type { Id } from '@airlock/common/ids';
import type { Verification } from '../domain/delivery.ts';
import type { Transaction } from './ports.ts';

export type AuthorityPort = {
  /**
   * Asks for the login of one session.
   *
   * @throws AuthorityError `authority-refused` with the codes of every reason; `authority-unavailable`.
   */
  mint(request: {
    deliveryId: string;
    sessionId: string;
    signal: AbortSignal;
  }): Promise<MintedLogin>;
};

/** What a hook is told about the delivery that it serves. */
export type HookFacts = {
  readonly deliveryId: string;
  readonly fence: number;
  readonly promotionId: string;
  /** SHA-256 of the approved document: unique to the promotion, so a hook can use it to notice that it ran before. */
  readonly promotionDigest: string;
  readonly target: string;
  readonly release: string;
  readonly commit: string;
  /** Of a return that was asked for: what its approvers signed of the migrations since. Null otherwise. */
  readonly returns: Pick<ReturnOrder, 'delivery' | 'migrations'> | null;
};

/** What of a delivery a run of a hook is. */
export type HookStage =
  | {
      readonly name: 'deliver';
      /** `number` counts from 1; `share` is how much of the target has it afterwards, such as `1` or `50%`. */
      readonly wave: {
        readonly number: number;
        readonly of: number;
        readonly share: string;
      } | null;
    }
  | { readonly name: 'verify' | 'return' | 'probe'; readonly wave: null };

export type HookRequest = {
  /** `name@sha256:<64 hex>`, as the approved document says. */
  readonly hook: string;
  readonly params: Readonly<Record<string, string | number | boolean>>;
  /** Whether it is run once for each of several waves. */
  readonly inWaves: boolean;
  readonly artifact: { readonly name: string; readonly sha256: string };
  /** What is read at Vault for it. */
  readonly reads: readonly { readonly as: string; readonly kind: CredentialKind }[];
  /** Everything that it may reach; an egress with a credential authenticates in the hook's place. */
  readonly egress: readonly Egress[];
  readonly facts: HookFacts;
};

export type HookEnd = {
  /** The hook's exit code; null when it was killed by a signal or stopped. */
  readonly exit: number | null;
  /** One sentence for the delivery's log. */
  readonly summary: string;
  /** `$AIRLOCK_OUT/result.json`, masked; null when there is none or it is not what the contract says. */
  readonly result: Readonly<Record<string, string | number | boolean>> | null;
};

export type HookOutput = (stream: 'gate' | 'stdout' | 'stderr', line: string) => void;

export type PreparedHook = {
  /** As its hook.yaml declares it. */
  readonly kind: HookKind;
  /**
   * Runs the hook. Resolves when no process of it is left, and may then be called again: nothing of one run is seen by the next.
   *
   * @param run.stage what the hook is told that this run is for.
   * @param run.credentials one for each of the request's reads. The hook is handed those that no egress authenticates with.
   * @param run.limitSeconds after which everything it started is killed.
   * @param run.output gets lines that hold no form of any secret of the credentials.
   */
  run(run: {
    stage: HookStage;
    credentials: readonly Credential[];
    limitSeconds: number;
    /** Kills it. */
    signal: AbortSignal;
    /** Asks it to end (SIGTERM) and kills it ten seconds later. */
    asking?: AbortSignal;
    output: HookOutput;
  }): Promise<HookEnd>;
  /** Deletes the private copies. Safe to repeat. */
  dispose(): Promise<void>;
};

export type HookPreparer = {
  /** `none`: hooks run as ordinary processes of the deliverer's user. */
  readonly isolation: 'bubblewrap' | 'none';
  /**
   * Checks the hook and the artifact by digest and keeps private copies of the very bytes that were hashed, before any
   * credential exists.
   *
   * @throws HookError `E_HOOK_DIGEST`, `E_TOCTOU_DIGEST`, `hook-manifest`, `hook-params`, `hook-needs`,
   *   `hook-sandbox`
   */
  prepare(request: HookRequest): Promise<PreparedHook>;
};

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
