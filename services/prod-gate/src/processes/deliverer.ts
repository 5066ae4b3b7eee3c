/**
 * gate-deliverer: starts a delivery when its verdict allows it and carries it to its end. No listener and no standing
 * credential: it logs in to Vault with what the authority minted for one delivery, and the token dies with the delivery.
 */
import { assertReachable } from '@airlock/database/reachable';
import { ConfigurationError } from '@airlock/process/config';
import { failpoint } from '@airlock/process/failpoint';
import { startLoop } from '@airlock/process/loop';
import { runProcess } from '@airlock/process/main';
import { createDoorbell } from '@airlock/queue/doorbell';
import { probeSandbox } from '@airlock/sandbox/probe';
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { createAuthorityClient } from '../adapters/authority/client.ts';
import { delivererBell } from '../adapters/bull/bells.ts';
import { createEmergencyReader, createEmergencyStop } from '../adapters/files/emergency-stop.ts';
import { openGateFiles, toldInLog } from '../adapters/files/gate-files.ts';
import {
  bubblewrapExecutor,
  clearWorkDirectory,
  createHookPreparer,
  type HookExecutor,
} from '../adapters/hooks/run-hook.ts';
import { createObserveHooks } from '../adapters/hooks/run-observe.ts';
import { unisolatedExecutor } from '../adapters/hooks/run-unisolated.ts';
import { tryLogin } from '../adapters/hooks/egress/try-login.ts';
import { openDatabase } from '../adapters/postgres/client.ts';
import { recorder } from '../adapters/postgres/ledger-store.ts';
import { createSecretMarkStore } from '../adapters/postgres/secret-mark-store.ts';
import { createShadowStore } from '../adapters/postgres/shadow-store.ts';
import { createVaultLogin } from '../adapters/vault/login.ts';
import { createAnnouncer } from '../app/announce-delivery.ts';
import { asError } from '../app/as-error.ts';
import { eachInTurn } from '../app/each-in-turn.ts';
import { nonprodKnowledge } from '../app/known-to-nonprod.ts';
import type { RunDependencies } from '../app/delivery-saga.ts';
import { runDelivery } from '../app/run-delivery.ts';
import { createEmergencyRecorder, rememberEmergency } from '../app/record-emergency.ts';
import { repeatDelivery, type RepeatDependencies } from '../app/repeat-delivery.ts';
import {
  startAtOnce,
  startDelivery,
  type StartDependencies,
  type StartedDelivery,
} from '../app/start-delivery.ts';
import { createStopWatch } from '../app/watch-stops.ts';
import { createShadowNotes } from '../app/note-shadow.ts';
import { DelivererConfig } from '../config-delivery.ts';
import { decisionSources } from '../decision-sources.ts';
import { keepObserving } from '../observe-keeping.ts';
import { watchStandingSecrets } from '../watch-standing-secrets.ts';

/** Well below the 30 s that a token lives longer than its hook. */
const readWithinMs = 10_000;

/** The file of the emergency stop stops by being there; it is a stop of the ledger within this time. */
const emergencyIntervalMs = 1_000;

await runProcess({
  name: 'gate-deliverer',
  schema: DelivererConfig,
  async start(config, runtime) {
    const { log } = runtime;
    const vault = createVaultLogin(config.vault);
    const nodeBinary = config.hooks.nodeBinary ?? process.execPath;
    const executor = await chooseExecutor(config.hooks.isolation, nodeBinary);
    await clearWorkDirectory(config.hooks.workDirectory);
    // A file that cannot be read is one message now, and not a delivery that never starts.
    const files = await openGateFiles(config.files, toldInLog(runtime));
    const database = openDatabase(config.database);
    runtime.onClose(() => database.close());
    await assertReachable(database.pool, 'database');
    watchStandingSecrets(config, { database, runtime });
    const memory = rememberEmergency({
      file: createEmergencyStop(config.files),
      read: createEmergencyReader(config.files),
    });
    const decisions = decisionSources(config, database, files, memory.emergency);
    const clock = (): Date => new Date();
    const shared = { transactor: database, recorder, clock, randomBytes };
    const hookPlaces = {
      hooksDirectory: config.files.hooksDirectory,
      workDirectory: config.hooks.workDirectory,
      nodeBinary,
      executor,
    };
    const run: RunDependencies = {
      ...shared,
      promotions: decisions.promotions,
      deliveries: decisions.deliveries,
      sessions: decisions.sessions,
      isPublished: async (leafHash) => (await decisions.proofs.entry(leafHash)) !== null,
      authority: createAuthorityClient(config.authority.socketPath),
      knownToNonprod: nonprodKnowledge({ marks: createSecretMarkStore(database), clock }),
      tryLogin,
      stops: createStopWatch({
        ...{ stops: decisions.stops, emergency: decisions.emergency, clock },
        ledger: decisions.proofs.facts,
        locks: decisions.locks,
      }),
      vault,
      hooks: createHookPreparer({ ...hookPlaces, artifacts: decisions.artifacts }),
      times: {
        loginSeconds: config.loginSeconds,
        intentWithinMs: config.intentSeconds * 1000,
        cleanWithinMs: config.cleanSeconds * 1000,
        readWithinMs,
        // Several signs of life in the watchdog's span, and a stop well before its end.
        heartbeatEveryMs: Math.min(1000, (config.staleSeconds * 1000) / 6),
        giveUpAfterMs: (config.staleSeconds * 1000 * 2) / 3,
      },
      failpoint,
      log,
      random: Math.random,
    };

    const noteShadow = createShadowNotes({
      store: createShadowStore(database),
      onFault: (promotionId, cause) => {
        log.warn('shadow.not-noted', { promotionId, error: asError(cause) });
      },
    });
    const running = new Set<Promise<void>>();
    /** Looks at every promotion that waits or was interrupted; one that cannot be judged holds up no other and is reported by the loop. */
    async function sweep(): Promise<void> {
      const waiting = await decisions.promotions.inState('waiting');
      await eachInTurn(waiting, async ({ id }) => {
        if (!runtime.signal.aborted) carry(await startDelivery(considering, id));
      });
      await eachInTurn(await decisions.promotions.inState('delivering'), async ({ id }) => {
        if (!runtime.signal.aborted) await repeat(id);
      });
    }

    const starting = {
      ...shared,
      promotions: decisions.promotions,
      deliveries: decisions.deliveries,
      stops: decisions.stops,
      policyOf: decisions.policyOf,
      provenLive: async (target: string) => (await decisions.proofs.facts()).liveOn(target),
      owner: `${hostname()}:${process.pid}`,
      onLostRace: (id: string, code: string) => {
        log.info('delivery.lost-race', { promotionId: id, code });
      },
    };

    const judge: StartDependencies['judge'] = (question) =>
      decisions.judge({ ...question, own: null });
    const announcer = createAnnouncer({
      ...{ ...shared, failpoint },
      promotions: decisions.promotions,
      policyOf: decisions.policyOf,
      judge,
    });
    async function announce(promotionId: string): Promise<void> {
      const announced = await announcer(promotionId);
      if (announced !== null) log.info('delivery.announced', { promotionId, ...announced });
    }

    const considering = { ...starting, announce, judge, onJudged: noteShadow };

    async function repeat(promotionId: string): Promise<void> {
      const underOwn: RepeatDependencies['judge'] = ({ deliveryId, ...question }) =>
        decisions.judge({ ...question, own: { deliveryId } });
      carry(await repeatDelivery({ ...starting, judge: underOwn }, promotionId));
    }

    function carry(started: StartedDelivery | null): void {
      if (started === null) return;
      const delivery = runDelivery(run, started, runtime.signal).then(
        () => {},
        (cause: unknown) => {
          // Whatever state it is in, the watchdog ends it: its sign of life has stopped.
          const error = cause instanceof Error ? cause : new Error(String(cause));
          log.error('delivery.abandoned', { deliveryId: started.delivery.id, error });
        },
      );
      running.add(delivery);
      void delivery.then(() => running.delete(delivery));
    }

    const loop = startLoop({
      name: 'sweep',
      intervalMs: config.sweepSeconds * 1000,
      signal: runtime.signal,
      log,
      run: sweep,
    });
    const recordEmergency = createEmergencyRecorder({
      ...{ transactor: database, stops: decisions.stops, ledger: decisions.proofs.facts },
      ...{ memory, recorder, clock },
    });
    const emergencies = startLoop({
      name: 'record-emergency',
      intervalMs: emergencyIntervalMs,
      signal: runtime.signal,
      log,
      async run() {
        for (const { id, reason } of await recordEmergency()) {
          log.warn('stop.placed', { stop: id, kind: 'stop-all', person: 'host', reason });
        }
      },
    });
    const observing = keepObserving(
      { log, database, signal: runtime.signal },
      {
        ...{ files, ledger: decisions.proofs.facts, hooks: createObserveHooks(hookPlaces) },
        ...{ deliveries: decisions.deliveries, stops: decisions.stops },
        emergency: decisions.emergency,
      },
    );
    const bell = createDoorbell({ name: delivererBell, redisUrl: config.redis?.url ?? null, log });
    // The ring names a promotion, which is looked at before all others and while they are; a forged ring does no more. The
    // sweep looks at every other one.
    bell.listen(async (promotionId) => {
      if (!runtime.signal.aborted) carry(await startAtOnce(considering, promotionId));
    });
    runtime.onClose(() => bell.close());
    runtime.onClose(async () => {
      await Promise.all([loop.done, emergencies.done, observing.done]);
      await Promise.all(running);
    });
  },
});

/** @throws ConfigurationError when what was asked for cannot be had: a deliverer never falls back to less. */
async function chooseExecutor(
  isolation: HookExecutor['isolation'],
  nodeBinary: string,
): Promise<HookExecutor> {
  if (isolation === 'none') {
    if (process.env['AIRLOCK_DEMO'] === '1') return unisolatedExecutor(nodeBinary);
    throw new ConfigurationError(
      'configuration-refused',
      'hooks.isolation: none runs every hook with the rights of this user; use hooks.isolation: bubblewrap (none is for the demo, with AIRLOCK_DEMO=1)',
    );
  }
  const sandbox = await probeSandbox();
  if (sandbox.available) return bubblewrapExecutor;
  throw new ConfigurationError(
    'configuration-refused',
    `hooks cannot be run here: ${sandbox.reason}; ${sandbox.remedy}`,
  );
}
