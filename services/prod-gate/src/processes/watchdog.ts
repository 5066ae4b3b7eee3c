/** gate-watchdog: sequences and signs the ledger, revokes what a delivery left, freezes what was not reviewed. Listens nowhere; can read no credential. */
import { createPublicKey } from 'node:crypto';
import { vkeyOf } from '@airlock/common/ledger/note';
import { listen } from '@airlock/database/listen';
import { assertReachable } from '@airlock/database/reachable';
import { failpoint } from '@airlock/process/failpoint';
import { startLoop } from '@airlock/process/loop';
import { runProcess } from '@airlock/process/main';
import { readLedgerKey } from '../adapters/files/ledger-key.ts';
import { openDatabase } from '../adapters/postgres/client.ts';
import { createDeliveryStore } from '../adapters/postgres/delivery-store.ts';
import { createLedgerSequencer } from '../adapters/postgres/ledger-sequencer.ts';
import { createLedgerReader, recorder } from '../adapters/postgres/ledger-store.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createStopStore } from '../adapters/postgres/stop-store.ts';
import { createVaultSessionStore } from '../adapters/postgres/vault-session-store.ts';
import { createVaultReaper } from '../adapters/vault/reaper.ts';
import { takeWrappedSecretId } from '../adapters/vault/wrapped-secret-id.ts';
import { createOverdueStop } from '../app/overdue-stops.ts';
import { createReaper } from '../app/reap-sessions.ts';
import { createLateLoginSweep } from '../app/sweep-late-logins.ts';
import { followLedger } from '../app/follow-ledger.ts';
import { createFreezePass } from '../app/freeze-unreviewed.ts';
import { sequenceLedger } from '../app/sequence-ledger.ts';
import { WatchdogConfig } from '../config-watchdog.ts';
import { lateLoginFound, ledgerSequenced, reaped, secretIdTaken } from '../events.ts';
import { watchStandingSecrets } from '../watch-standing-secrets.ts';

/** An entry rings; this is for a bell that was lost. */
const sequenceIntervalMs = 1_000;
/** A session that is to be revoked rings; this is for a bell that was lost, for what is to be tried again, and for silence. */
const reapIntervalMs = 500;
const lateLoginIntervalMs = 1_000;
/** A break-glass delivery that nobody looked at in time freezes its target within this time. */
const freezeIntervalMs = 5_000;
/** The role at Vault takes a login for 5 s more (`clock_skew_leeway`), and Vault's clock may be 5 s behind. */
const loginSkewSeconds = 10;

await runProcess({
  name: 'gate-watchdog',
  schema: WatchdogConfig,
  async start(config, runtime) {
    const { log, signal } = runtime;
    const signer = { name: config.ledger.origin, privateKey: readLedgerKey(config.ledger.keyFile) };
    const { identity, ...vault } = config.vault;
    if (identity.kind === 'approle') {
      secretIdTaken(log, await takeWrappedSecretId(vault, identity));
    }
    const vaultReaper = createVaultReaper(vault, identity);
    const database = openDatabase(config.database);
    runtime.onClose(() => database.close());
    await assertReachable(database.pool, 'database');
    watchStandingSecrets(config, { database, runtime });

    const sequencer = createLedgerSequencer(database.pool);
    const sequencing = startLoop({
      name: 'sequence-ledger',
      intervalMs: sequenceIntervalMs,
      signal,
      log,
      async run() {
        const sequenced = await sequenceLedger({ sequencer, signer });
        if (sequenced.added === 0) return;
        ledgerSequenced(log, sequenced);
        // More may wait than one batch took.
        sequencing.wake();
      },
    });
    const listening = listen({
      pool: database.pool,
      channel: 'ledger_pending',
      signal,
      onBell() {
        sequencing.wake();
      },
    });
    const sessions = createVaultSessionStore(database);
    const clock = (): Date => new Date();
    const stops = createStopStore(database);
    const ledger = followLedger({
      ledger: createLedgerReader(database),
      vkey: vkeyOf(signer.name, createPublicKey(signer.privateKey)),
    });
    const reaper = createReaper({
      transactor: database,
      sessions,
      deliveries: createDeliveryStore(database),
      promotions: createPromotionStore(database),
      recorder,
      reaper: vaultReaper,
      stopOverdue: createOverdueStop({ stops, ledger, clock }),
      staleSeconds: config.staleSeconds,
      loginSkewSeconds,
      onEvent(event) {
        reaped(log, event);
      },
      failpoint,
      clock,
      random: Math.random,
    });
    const reaping = startLoop({
      name: 'reap-sessions',
      intervalMs: reapIntervalMs,
      signal,
      log,
      run: () => reaper.pass(),
    });
    const lateLogins = createLateLoginSweep({
      ...{ sessions, reaper: vaultReaper, loginSkewSeconds, clock },
      onEvent(event) {
        lateLoginFound(log, event);
      },
    });
    const sweeping = startLoop({
      name: 'sweep-late-logins',
      intervalMs: lateLoginIntervalMs,
      signal,
      log,
      run: () => lateLogins.pass(),
    });
    const freezeUnreviewed = createFreezePass({
      ...{ recorder, transactor: database, stops, ledger, clock },
    });
    const freezing = startLoop({
      name: 'freeze-unreviewed',
      intervalMs: freezeIntervalMs,
      signal,
      log,
      async run() {
        for (const { stop, delivery } of await freezeUnreviewed()) {
          log.warn('stop.placed', { stop, delivery, reason: 'break-glass-unreviewed' });
        }
      },
    });
    const listeningForSessions = listen({
      pool: database.pool,
      channel: 'session_revoking',
      signal,
      onBell() {
        reaping.wake();
      },
    });
    runtime.onClose(async () => {
      await Promise.all([
        ...[sequencing.done, reaping.done, sweeping.done, freezing.done],
        ...[listening, listeningForSessions],
      ]);
    });
  },
});
