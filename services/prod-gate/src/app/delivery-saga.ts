/** What every room of a delivery works with: its log, its sign of life, and how something is put on record under its fence. */
import { AirlockError } from '@airlock/common/errors';
import type { Secret } from '@airlock/common/secret';
import { errorCode, type Log } from '@airlock/process/log';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeliveryFailpoint, StageFailpoint } from '../domain/delivery.ts';
import { asError } from './as-error.ts';
import { DeliveryFault } from './delivery-fault.ts';
import { startHeartbeat, type Heart } from './delivery-heart.ts';
import { createDeliveryLog, type DeliveryLog } from './delivery-log.ts';
import type { AuthorityPort, DeliveryStore, HookPreparer } from './delivery-ports.ts';
import type { NonprodKnowledge } from './known-to-nonprod.ts';
import type { EntryFacts, Recorder } from './ledger-ports.ts';
import type { Transaction, Transactor } from './ports.ts';
import type { PromotionStore } from './promotion-ports.ts';
import type { VaultSessionStore } from './vault-session-ports.ts';
import type { StartedDelivery } from './start-delivery.ts';
import type { TryLogin } from './try-logins.ts';
import type { VaultLogin } from './vault-ports.ts';
import type { StopWatch } from './watch-stops.ts';

export type DeliveryTimes = {
  /** Life of the login that the authority mints, in seconds. */
  loginSeconds: number;
  /** How long the ledger may take to publish the intent, in milliseconds. */
  intentWithinMs: number;
  /** How long the watchdog may take to prove the revocation, in milliseconds. */
  cleanWithinMs: number;
  /** How long a read at Vault is tried again while Vault says that it does nothing, in milliseconds. */
  readWithinMs: number;
  heartbeatEveryMs: number;
  /** Without a written heartbeat for this long the hook is stopped: somebody else is about to take over. */
  giveUpAfterMs: number;
};

export type RunDependencies = {
  transactor: Transactor;
  promotions: Pick<PromotionStore, 'setState' | 'setLive'>;
  deliveries: DeliveryStore;
  sessions: VaultSessionStore;
  recorder: Recorder;
  /** Whether an entry is proven under a signed checkpoint. */
  isPublished(leafHash: string): Promise<boolean>;
  authority: AuthorityPort;
  vault: VaultLogin;
  hooks: HookPreparer;
  /** Whether nonprod keeps the same value among the secrets of its builds. */
  knownToNonprod: (value: Secret) => Promise<NonprodKnowledge>;
  tryLogin: TryLogin;
  /** Asked before every step and with every sign of life: a stop ends what runs. */
  stops: StopWatch;
  times: DeliveryTimes;
  failpoint: (name: DeliveryFailpoint | StageFailpoint) => void;
  log: Log;
  clock: () => Date;
  randomBytes(count: number): Uint8Array;
  /** At least 0 and below 1. */
  random(): number;
};

export const pollMs = 50;

export type Saga = {
  readonly dependencies: RunDependencies;
  readonly started: StartedDelivery;
  readonly book: DeliveryLog;
  readonly heart: Heart;
  /** Ends early when the delivery has to stop. @throws DeliveryFault that says why. */
  readonly pause: (milliseconds: number) => Promise<void>;
  readonly transaction: (work: (tx: Transaction) => Promise<void>) => Promise<void>;
  readonly record: (
    tx: Transaction,
    at: Date,
    type: EntryFacts['type'],
    refs: Readonly<Record<string, string>>,
  ) => Promise<void>;
  /** Tries again for a while when the database does not answer; what it refuses is final. */
  readonly untilStored: (work: () => Promise<void>) => Promise<void>;
  /** Tells the delivery's log and the process's what it ends by. */
  readonly note: (cause: unknown) => void;
};

/** @param signal stops the hook and ends the delivery. */
export function openSaga(
  dependencies: RunDependencies,
  started: StartedDelivery,
  signal: AbortSignal,
): Saga {
  const { deliveries, recorder, log, clock, times } = dependencies;
  const { delivery, promotion } = started;
  const book = createDeliveryLog({
    deliveries,
    deliveryId: delivery.id,
    clock,
    onFault: (error) => {
      log.warn('delivery.log-held-back', { deliveryId: delivery.id, error });
    },
  });
  const heart = startHeartbeat(dependencies, started, signal);
  return {
    ...{ dependencies, started, book, heart },
    async pause(milliseconds) {
      await sleep(milliseconds, undefined, { signal: heart.signal }).catch(() => undefined);
      heart.check();
    },
    transaction: (work) => dependencies.transactor.transaction(work),
    async record(tx, at, type, refs) {
      await recorder.record(tx, {
        type,
        at,
        actor: 'deliverer',
        subjectDigest: promotion.promotionDigest,
        refs: { delivery: delivery.id, ...refs },
      });
    },
    async untilStored(work) {
      const until = performance.now() + times.giveUpAfterMs;
      for (;;) {
        try {
          await work();
          return;
        } catch (cause) {
          if (cause instanceof AirlockError || performance.now() > until) throw cause;
          log.warn('delivery.store-retried', { deliveryId: delivery.id, error: asError(cause) });
          await sleep(pollMs * 5);
        }
      }
    },
    note(cause) {
      book.write('gate', reasonOf(cause));
      log.warn('delivery.failing', { deliveryId: delivery.id, error: asError(cause) });
    },
  };
}

/** A fenced change must hit its one row. */
export function mine(hit: boolean): void {
  if (!hit)
    throw new DeliveryFault('delivery-taken-over', 'this delivery belongs to the watchdog now');
}

export function isTakenOver(cause: unknown): boolean {
  return cause instanceof DeliveryFault && cause.code === 'delivery-taken-over';
}

/** For the delivery's log and page: our own errors were written to be shown, others stay in the process's log. */
export function reasonOf(cause: unknown): string {
  return cause instanceof AirlockError
    ? `${errorCode(cause)}: ${cause.message}`
    : "unexpected-fault: the deliverer's log has it";
}
