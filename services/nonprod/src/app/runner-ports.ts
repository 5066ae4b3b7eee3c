/** What the use cases around runners need from outside. */
import { AirlockError } from '@airlock/common/errors';
import type { RunnerKind } from '@airlock/common/wire/runner-enrolment';
import type { ToldEgress } from '../domain/pool-egress.ts';
import type { Registration, RunnerState } from '../domain/runner.ts';

export type RunnerEdgeErrorCode =
  /** The token is unknown, spent or too old; which of them is nobody's business who shows one. */
  | 'token-refused'
  /** The certificate request is malformed, not signed by its own key, or names a key of another kind. */
  | 'request-refused'
  /** The intermediate ends too soon to sign by. */
  | 'authority-ending'
  | 'no-such-pool'
  | 'no-such-runner'
  /** Not a name that a runner can have. */
  | 'name-refused'
  | 'no-such-enrolment'
  | 'already-decided'
  /** The runner is in no state in which this can be done. */
  | 'runner-state';

export class RunnerEdgeError extends AirlockError<RunnerEdgeErrorCode> {}

export interface IssuedRunnerCertificate {
  /** End certificate and intermediate, PEM. */
  readonly chainPem: string;
  /** SHA-256 of the end certificate's DER, hex. */
  readonly fingerprint: string;
  readonly serial: string;
  readonly notAfter: Date;
}

export interface RunnerAuthority {
  readonly caPem: string;
  /** When the intermediate ends. */
  readonly endsAt: Date;
  /** SHA-256 of the key in a request, as people compare it. @throws RunnerEdgeError `request-refused`. */
  keyFingerprint(csr: string): Promise<string>;
  /** @throws RunnerEdgeError `request-refused` or `authority-ending`. */
  issue(request: {
    readonly csr: string;
    readonly runner: string;
    readonly pool: string;
    readonly now: Date;
  }): Promise<IssuedRunnerCertificate>;
}

export interface NewToken {
  readonly id: string;
  readonly hash: string;
  readonly runner: string;
  readonly pool: string;
  readonly kind: RunnerKind;
  /** From where its machine may speak, in CIDR form; empty: from anywhere. */
  readonly networks: readonly string[];
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

export interface EnrolmentRow {
  readonly id: string;
  readonly runner: string;
  readonly pool: string;
  readonly kind: RunnerKind;
  readonly csr: string;
  readonly keyFingerprint: string;
  readonly address: string;
  readonly networks: readonly string[];
  readonly askedAt: Date;
  readonly state: 'waiting' | 'accepted' | 'refused';
  readonly chain: string | null;
}

export interface RunnerSummary {
  readonly id: string;
  readonly pool: string;
  readonly kind: RunnerKind;
  readonly state: RunnerState;
  readonly stateReason: string | null;
  readonly stateBy: string | null;
  readonly stateAt: Date;
  readonly enrolledAt: Date;
  readonly lastSeenAt: Date | null;
  readonly version: string | null;
  readonly isolation: string | null;
  readonly labels: readonly string[];
  readonly platform: string | null;
  /** Null: it does not say. */
  readonly egress: ToldEgress | null;
  readonly spentAt: Date | null;
  readonly networks: readonly string[];
  /** The newest that is not retired; null when none is. */
  readonly certificate: {
    readonly serial: string;
    readonly fingerprint: string;
    readonly issuedAt: Date;
    readonly notAfter: Date;
  } | null;
  readonly job: { readonly id: string; readonly runId: string } | null;
  /** Why its pool turns it away; null when it does not. */
  readonly misfit: string | null;
}

export interface RunnerEvent {
  readonly kind: string;
  readonly text: string;
  readonly person: string | null;
  readonly at: Date;
}

export interface RunnerRun {
  readonly runId: string;
  readonly repository: string;
  readonly number: number;
  readonly subject: string;
  readonly at: Date;
  readonly tainted: boolean;
  /** The candidate made of it; null when there is none. */
  readonly candidateId: string | null;
}

export interface RunnerStore {
  addToken(token: NewToken): Promise<void>;
  /** Whose token it is, and from where it may be shown; null for one that counts for nothing (any more). */
  tokenOf(tokenHash: string, now: Date): Promise<Pick<NewToken, 'runner' | 'networks'> | null>;
  /**
   * Spends the token and takes the request down, in one transaction; of any number that show one token exactly one wins.
   * Null when there is no such token, it is spent or past its end.
   */
  enrol(request: {
    readonly id: string;
    readonly tokenHash: string;
    readonly csr: string;
    readonly keyFingerprint: string;
    readonly address: string;
    readonly now: Date;
  }): Promise<EnrolmentRow | null>;
  enrolment(id: string): Promise<EnrolmentRow | null>;
  /** Those that wait for a person, oldest first. */
  waiting(now: Date): Promise<readonly EnrolmentRow[]>;
  /** Registers the runner with its first certificate, retires any it had and ends the leases that it held. False when it was decided before. */
  accept(decision: {
    readonly enrolment: EnrolmentRow;
    readonly issued: IssuedRunnerCertificate;
    readonly by: string;
    readonly now: Date;
  }): Promise<boolean>;
  /** False when it was decided before. */
  refuse(id: string, by: string, now: Date): Promise<boolean>;

  /** Whose certificate it is; null for one that was never issued here. */
  registration(fingerprint: string): Promise<Registration | null>;
  /** The process that speaks for the runner from now on; every certificate but this one is retired. */
  hello(hello: {
    readonly runner: string;
    readonly fingerprint: string;
    readonly instance: string;
    readonly version: string;
    readonly isolation: string;
    readonly labels: readonly string[];
    readonly platform: string | null;
    readonly egress: ToldEgress | null;
    readonly now: Date;
  }): Promise<void>;
  addCertificate(runner: string, issued: IssuedRunnerCertificate, now: Date): Promise<void>;
  seen(runner: string, now: Date): Promise<void>;
  /** Notes that the runner was given a job. False when it may have none any more: nothing of the job has left the house. */
  spend(runner: string, now: Date): Promise<boolean>;

  list(): Promise<readonly RunnerSummary[]>;
  find(id: string): Promise<RunnerSummary | null>;
  events(runner: string, limit: number): Promise<readonly RunnerEvent[]>;
  runs(runner: string, limit: number): Promise<readonly RunnerRun[]>;
  /** Of these, the ones that may not speak any more. */
  barred(runners: readonly string[]): Promise<readonly string[]>;

  /** False when the runner is in none of the states `from`. */
  change(change: {
    readonly runner: string;
    readonly from: readonly RunnerState[];
    readonly to: RunnerState;
    readonly reason: string | null;
    readonly by: string;
    readonly now: Date;
  }): Promise<boolean>;
  /** Retires every certificate of the runner. */
  retireAll(runner: string, why: string, now: Date): Promise<void>;
  /** Lets every lease of the runner run out now, so that its jobs go to others. How many there were. */
  endLeases(runner: string): Promise<number>;
  /** Lets the lease of one job run out now. */
  giveBack(jobId: string, runner: string): Promise<void>;
  /** Marks the runs that the runner worked on since then. How many are marked newly. */
  taint(mark: {
    readonly runner: string;
    readonly since: Date;
    readonly reason: string;
    readonly by: string;
    readonly now: Date;
  }): Promise<number>;
  /** Ids of runners that may still speak and were last seen, or enrolled, before then. */
  notSeenSince(before: Date): Promise<readonly string[]>;
  /** False when there is none. */
  remove(runner: string): Promise<boolean>;
  record(event: RunnerEvent & { readonly runner: string | null }): Promise<void>;
  /** False, and nothing is kept, when one of its kind was in the hour before: who calls in a loop fills no table. */
  recordHourly(event: RunnerEvent & { readonly runner: string }): Promise<boolean>;
}
