/** What the use cases about repositories, webhooks, schedules and asked-for runs need from outside. */
import type { Provider } from '@airlock/common/webhook/provider';
import type { RefusedDelivery } from '@airlock/process/webhook-intake';
import type { RunEvent } from '@airlock/common/wire/runner-protocol';
import type { NewRun } from './ports.ts';
import type { PullRequestNews } from '../domain/webhook/forge-event.ts';

export interface RepositoryRow {
  readonly name: string;
  /** Identity in signed statements. */
  readonly url: string;
  readonly cloneUrl: string;
  readonly provider: Provider | null;
  readonly mainBranch: string;
  readonly protectedRefs: readonly string[];
  /** Globs of branches whose pushes are built; empty: all. */
  readonly branches: readonly string[];
  readonly buildLatest: boolean;
  readonly hookGeneration: number;
  readonly configured: boolean;
  readonly isPrivate: boolean;
  /** NAME=VALUE each, set by the platform role. */
  readonly labels: readonly string[];
  readonly addedBy: string | null;
  readonly lookedAt: Date | null;
  readonly failing: string | null;
}

export type RepositorySettings = Pick<
  RepositoryRow,
  'url' | 'cloneUrl' | 'provider' | 'mainBranch' | 'protectedRefs' | 'branches' | 'buildLatest'
>;

export interface RepositoryStore {
  /** By name. */
  list(): Promise<readonly RepositoryRow[]>;
  find(name: string): Promise<RepositoryRow | null>;
  /** False when there is one of that name or of that identity. */
  add(name: string, settings: RepositorySettings, person: string): Promise<boolean>;
  /** False when there is none of that name that people may change. */
  change(name: string, settings: Omit<RepositorySettings, 'url'>): Promise<boolean>;
  /** False when there is none of that name. */
  setLabels(name: string, labels: readonly string[]): Promise<boolean>;
  /** The new generation of the webhook's secret; null when there is no such repository. */
  nextHook(name: string): Promise<number | null>;
}

/** The scheduler's side of it. */
export interface RepositoryKeeping {
  list(): Promise<readonly RepositoryRow[]>;
  /** Makes or updates the row of the configured repository. */
  ensureConfigured(name: string, settings: RepositorySettings): Promise<void>;
  /** `failing` null: it was fetched. */
  looked(name: string, failing: string | null): Promise<void>;
}

export interface NewDelivery {
  readonly provider: Provider;
  /** Null for a hook of the whole installation. */
  readonly repository: string | null;
  readonly id: string;
  readonly event: string;
  readonly body: Uint8Array;
  readonly relayed: boolean;
}

export interface DeliveryStore {
  /** Written down before this returns; false when it came before, by its id or by its bytes. */
  take(delivery: NewDelivery): Promise<boolean>;
  count(refusals: readonly (RefusedDelivery & { readonly count: number })[]): Promise<void>;
}

export interface WaitingDelivery {
  readonly row: bigint;
  readonly provider: Provider;
  readonly repository: string | null;
  readonly event: string;
  readonly body: Uint8Array;
  readonly receivedAt: Date;
  /** How often it was tried to act on it. */
  readonly attempts: number;
  /** It came by the hook relay, which knows the secret that signs it. */
  readonly relayed: boolean;
}

export interface RunRequest {
  /** Also the id of the run that comes of it. */
  readonly id: string;
  readonly repository: string;
  /** Never `push`, `pull_request` or `tag` but for a retry: what moves by pushing is seen in git. */
  readonly event: RunEvent;
  /** Full ref. */
  readonly ref: string;
  /** Null: whatever the ref points at. */
  readonly commit: string | null;
  readonly pullRequest: number | null;
  readonly deployTo: string | null;
  readonly cron: string | null;
  readonly variables: Readonly<Record<string, string>>;
  readonly askedBy: string | null;
  /** The run that is to be made once more. */
  readonly retryOf: string | null;
  /** Of a retry: workflows that passed, and what they rest on, are kept. */
  readonly onlyFailed: boolean;
}

export interface DeliveryVerdict {
  readonly state: 'handled' | 'ignored' | 'refused';
  readonly reason: string | null;
  readonly repository: string | null;
  readonly pullRequest: PullRequestNews | null;
  readonly request: RunRequest | null;
}

export interface JudgedDelivery {
  readonly delivery: WaitingDelivery;
  readonly verdict: DeliveryVerdict;
}

export interface DeliveryQueue {
  /** Those whose time has come, oldest first. */
  waiting(limit: number): Promise<readonly WaitingDelivery[]>;
  /** After a try that failed: tried again after the pause, or never, and why stands with it. */
  postpone(
    delivery: WaitingDelivery,
    next: { readonly pauseSeconds: number; readonly reason: string } | { readonly givenUp: string },
  ): Promise<void>;
  /** All of it in one transaction; the body is dropped then. An older fact never overwrites a newer one. */
  settle(delivery: WaitingDelivery, verdict: DeliveryVerdict): Promise<void>;
  /** As `settle`, for verdicts that bring neither a pull request nor a wish; some may be settled when it rejects. */
  settlePlain(judged: readonly JudgedDelivery[]): Promise<void>;
  /** Settled deliveries and refusals older than that many days; how many. Whatever is forgotten could be replayed. */
  forget(days: number): Promise<number>;
}

/** The scheduler's side of what was asked for. */
export interface RunRequestQueue {
  /** Oldest first. */
  waiting(repository: string): Promise<readonly RunRequest[]>;
  /** Null where the forge has not told of that pull request. */
  branches(
    repository: string,
    number: number,
  ): Promise<{
    readonly headCommit: string | null;
    readonly sourceBranch: string;
    readonly baseBranch: string;
  } | null>;
  /** Makes the run and settles the request that has its id, in one transaction. False: it was settled before. */
  start(run: NewRun): Promise<boolean>;
  refuse(id: string, reason: string): Promise<void>;
}

/** The web process's side. */
export interface RunRequests {
  ask(request: RunRequest): Promise<void>;
  outcome(id: string): Promise<{
    readonly repository: string;
    readonly event: string;
    readonly ref: string;
    readonly state: string;
    readonly reason: string | null;
    readonly askedBy: string | null;
    readonly createdAt: Date;
  } | null>;
  /** The commit that the scheduler saw there last; null for a ref that it has not seen. */
  head(repository: string, ref: string): Promise<string | null>;
}

export interface Schedule {
  readonly repository: string;
  readonly name: string;
  readonly pattern: string;
  readonly timeZone: string;
  readonly branch: string;
  /** Skipped when the branch was built within so many seconds; 0: never. */
  readonly thresholdSeconds: number;
}

export interface DueSchedule extends Schedule {
  readonly firedFor: Date;
}

export interface ScheduleQueue {
  /** Those that are not paused. */
  active(): Promise<readonly DueSchedule[]>;
  lastRunAt(repository: string, ref: string): Promise<Date | null>;
  /** Settles it up to `now` and asks for the run, in one transaction. False when somebody else did. */
  fire(
    schedule: DueSchedule,
    now: Date,
    outcome: string,
    request: RunRequest | null,
  ): Promise<boolean>;
}

export interface ScheduleStore {
  list(): Promise<
    readonly (Schedule & { readonly setBy: string; readonly lastOutcome: string | null })[]
  >;
  set(schedule: Schedule, person: string): Promise<void>;
  erase(repository: string, name: string): Promise<boolean>;
}

export interface DeliverySummary {
  readonly provider: string;
  readonly event: string;
  readonly repository: string | null;
  readonly deliveryId: string;
  readonly state: string;
  readonly reason: string | null;
  readonly relayed: boolean;
  readonly receivedAt: Date;
}

export interface DeliveryHistory {
  /** Newest first. */
  deliveries(limit: number): Promise<readonly DeliverySummary[]>;
  refusals(
    limit: number,
  ): Promise<readonly (RefusedDelivery & { readonly count: number; readonly lastAt: Date })[]>;
}
