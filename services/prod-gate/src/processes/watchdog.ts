/** gate-watchdog: sequences and signs the ledger, revokes what a delivery left. Listens nowhere; can read no credential. */
import { assertReachable } from '@airlock/database/reachable';
import { startLoop } from '@airlock/process/loop';
import { runProcess } from '@airlock/process/main';
import { readLedgerKey } from '../adapters/files/ledger-key.ts';
import { openDatabase } from '../adapters/postgres/client.ts';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { ledgerSequence, recorder } from '../adapters/postgres/ledger-store.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createVaultSessionStore } from '../adapters/postgres/vault-session-store.ts';
import { createVaultReaper } from '../adapters/vault/reaper.ts';
import { createReaper } from '../app/reap-sessions.ts';
import { sequenceLedger } from '../app/sequence-ledger.ts';
import { WatchdogConfig } from '../config-watchdog.ts';
import { ledgerSequenced, reaped } from '../events.ts';

/** A delivery waits for its intent to be published and for its credential to be proven gone: both by these. */
const sequenceIntervalMs = 100;
const reapIntervalMs = 150;

await runProcess({
  name: 'gate-watchdog',
  schema: WatchdogConfig,
  async start(config, runtime) {
    const { log, signal } = runtime;
    const signer = { name: config.ledger.origin, privateKey: readLedgerKey(config.ledger.keyFile) };
    const { identity, ...vault } = config.vault;
    const vaultReaper = createVaultReaper(vault, identity);
    const database = openDatabase(config.database);
    runtime.onClose(() => database.close());
    await assertReachable(database.pool, 'database');

    const sequencing = startLoop({
      name: 'sequence-ledger',
      intervalMs: sequenceIntervalMs,
      signal,
      log,
      async run() {
        const sequenced = await sequenceLedger({
          transactor: database,
          sequence: ledgerSequence,
          signer,
        });
        if (sequenced.added > 0) ledgerSequenced(log, sequenced);
      },
    });
    const reaper = createReaper({
      transactor: database,
      sessions: createVaultSessionStore(database),
      deliveries: createDeliveryStore(database),
      promotions: createPromotionStore(database),
      recorder,
      reaper: vaultReaper,
      staleSeconds: config.staleSeconds,
      onEvent(event) {
        reaped(log, event);
      },
      clock: () => new Date(),
    });
    const reaping = startLoop({
      name: 'reap-sessions',
      intervalMs: reapIntervalMs,
      signal,
      log,
      run: () => reaper.pass(),
    });
    runtime.onClose(async () => {
      await Promise.all([sequencing.done, reaping.done]);
    });
  },
});
