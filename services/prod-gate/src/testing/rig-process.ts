/**
 * One process of a rig, to be killed: a deliverer that carries one promotion, or a watchdog that makes one pass. It dies by
 * SIGKILL at the place that AIRLOCK_FAILPOINT names, or stops (SIGSTOP) where it was told to.
 */
import { failpoint } from '@airlock/process/failpoint';
import { openDatabase } from '../adapters/postgres/client.ts';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createLedgerReader, recorder } from '../adapters/postgres/ledger-store.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createStopStore } from '../adapters/postgres/stop-store.ts';
import { createVaultSessionStore } from '../adapters/postgres/vault-session-store.ts';
import { createVaultReaper } from '../adapters/vault/reaper.ts';
import type { ReaperIdentity } from '../adapters/vault/reaper-identity.ts';
import { followLedger } from '../app/follow-ledger.ts';
import { createOverdueStop } from '../app/overdue-stops.ts';
import { createReaper, type ReapEvent, type Reaper } from '../app/reap-sessions.ts';
import { runDelivery } from '../app/run-delivery.ts';
import type { VaultReaper } from '../app/vault-ports.ts';
import { clock, createRigDeliverer, vaultEnvironment, type RigSettings } from './rig-deliverer.ts';

/** What such a process is started with, as JSON in AIRLOCK_TEST_RIG. */
export type RigTask =
  | {
      readonly role: 'deliverer';
      readonly settings: RigSettings;
      readonly promotionId: string;
      /** Where it stops until somebody sends SIGCONT; never when left out. */
      readonly stopAt?: string;
    }
  | {
      readonly role: 'watchdog';
      readonly settings: RigSettings;
      readonly identity: ReaperIdentity;
      readonly staleSeconds: number;
    };

export function rigVaultReaper(settings: RigSettings, identity: ReaperIdentity): VaultReaper {
  const { vaultAddress: address, requestTimeoutSeconds } = settings;
  return createVaultReaper({ address, requestTimeoutSeconds }, identity, vaultEnvironment);
}

/** A watchdog's reaper as processes/watchdog.ts puts it together. */
export function createRigReaper({
  settings,
  identity,
  staleSeconds,
  database = openDatabase(settings.postgres),
  onEvent = () => undefined,
}: {
  settings: RigSettings;
  identity: ReaperIdentity;
  staleSeconds: number;
  database?: ReturnType<typeof openDatabase>;
  onEvent?: (event: ReapEvent) => void;
}): Reaper {
  return createReaper({
    transactor: database,
    sessions: createVaultSessionStore(database),
    deliveries: createDeliveryStore(database),
    promotions: createPromotionStore(database),
    recorder,
    reaper: rigVaultReaper(settings, identity),
    stopOverdue: createOverdueStop({
      ...{ stops: createStopStore(database), clock },
      ledger: followLedger({ ledger: createLedgerReader(database), vkey: settings.vkey }),
    }),
    staleSeconds,
    loginSkewSeconds: settings.loginSkewSeconds,
    onEvent,
    failpoint,
    clock,
    random: Math.random,
  });
}

async function runTask(task: RigTask): Promise<void> {
  const database = openDatabase(task.settings.postgres);
  if (task.role === 'watchdog') {
    await createRigReaper({ ...task, database }).pass();
  } else {
    const { run, start } = createRigDeliverer(task.settings, database);
    const stopping = {
      ...run,
      failpoint: (name: Parameters<typeof run.failpoint>[0]) => {
        if (name === task.stopAt) process.kill(process.pid, 'SIGSTOP');
        run.failpoint(name);
      },
    };
    const outcome = await runDelivery(
      stopping,
      await start(task.promotionId),
      new AbortController().signal,
    );
    process.stdout.write(`${JSON.stringify(outcome)}\n`);
  }
  await database.close();
}

if (import.meta.main) {
  // Written by delivery-rig.ts.
  await runTask(JSON.parse(process.env['AIRLOCK_TEST_RIG'] ?? '') as RigTask);
}
