/** Wires who may run what where: the scheduler makes runs and acts on releases, the web process takes releases down. */
import { createBudgetStore } from './adapters/postgres/budget-store.ts';
import type { Database } from './adapters/postgres/client.ts';
import { createMembership } from './adapters/postgres/membership.ts';
import { createPlacementStore, createPoolStore } from './adapters/postgres/pool-store.ts';
import { createPullRequestStore } from './adapters/postgres/pull-request-store.ts';
import { createRunPeople } from './adapters/postgres/run-people.ts';
import { createQuotaStore } from './adapters/postgres/quota-store.ts';
import { createReleaseQueue, createReleaseStore } from './adapters/postgres/release-store.ts';
import { createVariableStore } from './adapters/postgres/variable-store.ts';
import { createAdmitRuns } from './app/admit-runs.ts';
import { createApplyReleases } from './app/apply-releases.ts';
import { createDescribeTrust } from './app/describe-trust.ts';
import { createReadHeldFiles } from './app/held-files.ts';
import { createSavePool } from './app/manage-pools.ts';
import { mainBranchOf } from './adapters/postgres/repository-store.ts';
import type { Bell, NewId, SourceMirror, SourceMirrors } from './app/ports.ts';
import { createPrepareRun, type PrepareSettings } from './app/prepare-run.ts';
import { createReleaseRun } from './app/release-run.ts';
import type { Quotas } from './app/quota-ports.ts';
import { admissionOf, quotaOf, type QuotaSettings } from './quota-config.ts';
import { firstPools } from './domain/pool.ts';
import type { Events } from './events.ts';
import type { BudgetPorts } from './http/routes/budgets.ts';
import type { PoolPorts } from './http/routes/pools.tsx';
import type { ReleasePorts } from './http/routes/releases.ts';

export interface RunMaking {
  readonly prepareRun: ReturnType<typeof createPrepareRun>;
  readonly applyReleases: () => Promise<void>;
  readonly admitRuns: () => Promise<void>;
}

/** The scheduler's side. Begins the pools of the configuration where they are not there yet. */
export async function makeRuns(
  ports: {
    readonly db: Database;
    readonly mirrors: SourceMirrors;
    readonly jobs: Bell;
    readonly events: Events;
    readonly newId: NewId;
  },
  settings: PrepareSettings & {
    readonly pools: {
      readonly main: string;
      readonly other: string;
      readonly reuse?: string | undefined;
    };
    readonly repository: { readonly name: string };
    readonly quotas: QuotaSettings;
  },
): Promise<RunMaking> {
  const { db, mirrors, jobs, events, newId } = ports;
  const { name } = settings.repository;
  const pools = createPlacementStore(db);
  await pools.begin(firstPools({ ...settings.pools, reuse: settings.pools.reuse ?? null }), name);
  const budgets = createBudgetStore(db);
  const pullRequests = createPullRequestStore(db);
  const readHeldFiles = createReadHeldFiles({
    mirrors,
    pullRequests,
    mainBranchOf: mainBranchOf(db),
  });
  const releases = createReleaseQueue(db);
  const uses = createQuotaStore(db);
  const quotas: Quotas = {
    of: (repository) => quotaOf(settings.quotas, repository),
    admission: (repository) => admissionOf(settings.quotas, repository),
    queueDepth: settings.quotas.queueDepth,
  };
  return {
    prepareRun: createPrepareRun(
      {
        ...{ mirrors, pools, pullRequests, members: createMembership(db), budgets, newId },
        ...{ uses, quotas },
        ...{ variables: createVariableStore(db), people: createRunPeople(db) },
      },
      settings,
    ),
    applyReleases: createApplyReleases(
      {
        ...{ releases, pools, jobs, events, newId, readHeldFiles, quotas },
        mainBranchOf: mainBranchOf(db),
      },
      settings,
    ),
    admitRuns: createAdmitRuns({ store: uses, quotas, jobs }),
  };
}

/** The web process's side. */
export function keepTrust(ports: {
  readonly db: Database;
  readonly mirrors: { of(repository: string): Pick<SourceMirror, 'head' | 'planFiles'> };
  /** Wakes the scheduler. */
  readonly bell: Bell;
  readonly events: Events;
}): { readonly pools: PoolPorts; readonly releases: ReleasePorts; readonly budgets: BudgetPorts } {
  const { db, mirrors, bell, events } = ports;
  const pools = createPoolStore(db);
  const releases = createReleaseStore(db);
  const pullRequests = createPullRequestStore(db);
  const readHeldFiles = createReadHeldFiles({
    mirrors,
    pullRequests,
    mainBranchOf: mainBranchOf(db),
  });
  return {
    pools: { pools, savePool: createSavePool({ pools, events }) },
    budgets: { budgets: createBudgetStore(db) },
    releases: {
      describeTrust: createDescribeTrust({ releases, readHeldFiles }),
      releaseRun: createReleaseRun({
        releases,
        members: createMembership(db),
        bell,
        events,
        readHeldFiles,
      }),
    },
  };
}
