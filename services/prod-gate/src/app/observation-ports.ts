/** What is known of what runs on targets, and how it is looked at. */
import type { Id } from '@airlock/common/ids';
import type { Egress } from '@airlock/common/policy/target-egress';
import type { ProvenRelease } from '../domain/ledger-facts.ts';
import type { Look, Observation } from '../domain/observation.ts';
import type { Transaction } from './ports.ts';

export type ObservationStore = {
  of(target: string): Promise<Observation | null>;
  /** Of every target that was ever looked at. */
  all(): Promise<readonly Observation[]>;
  /** For so many seconds by the database's clock. False while somebody else looks at the target, whose time is not over. */
  claim(target: string, look: { id: Id<'obs'>; seconds: number }): Promise<boolean>;
  /** Gives the claim back, if it is this one's still. */
  release(target: string, id: Id<'obs'>): Promise<void>;
  /** Keeps what was seen and gives the claim back; false when that is somebody else's by now, and nothing was kept. */
  put(tx: Transaction, observation: Observation, id: Id<'obs'>): Promise<boolean>;
};

export type ObserveRequest = {
  readonly id: Id<'obs'>;
  /** `name@sha256:<64 hex>`, as the signed target file pins it. */
  readonly hook: string;
  readonly params: Readonly<Record<string, string | number | boolean>>;
  /** Of the target. The hook gets those that log in nowhere. */
  readonly egress: readonly Egress[];
  readonly live: ProvenRelease;
  readonly limitSeconds: number;
  /** Kills it with everything that it started. */
  readonly signal: AbortSignal;
};

export type ObserveHooks = {
  /**
   * Runs the hook without any credential. Whatever is wrong with the hook, its manifest or what it left is a reason in the
   * answer, and so is what is wrong with this host. Resolves when no process of it is left.
   */
  look(request: ObserveRequest): Promise<Look>;
};
