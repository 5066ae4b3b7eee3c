/** gate-intake: polls nonprod's outbox, verifies, admits. Listens nowhere; has no Vault and writes no approval. */
import { randomBytes } from 'node:crypto';
import { inspectStored } from '@airlock/artifacts/inspect';
import { openArtifactStore } from '@airlock/artifacts/open-store';
import { assertReachable } from '@airlock/database/reachable';
import { startLoop } from '@airlock/process/loop';
import { runProcess } from '@airlock/process/main';
import { createArtifactReader } from '../adapters/files/artifact-reader.ts';
import { wholeCopies } from '../adapters/files/whole-copies.ts';
import { createEmergencyStop } from '../adapters/files/emergency-stop.ts';
import { openGateFiles, toldInLog } from '../adapters/files/gate-files.ts';
import { readVerifierKey, readWitnessKey } from '../adapters/files/verifier-key.ts';
import { createMirrors } from '../adapters/git/mirrors.ts';
import { createOutboxClient } from '../adapters/nonprod-outbox/client.ts';
import { openDatabase } from '../adapters/postgres/client.ts';
import { createConfigurationStore } from '../adapters/postgres/configuration-store.ts';
import { createIntakeStore } from '../adapters/postgres/intake-store.ts';
import {
  createCosignatureStore,
  createLedgerReader,
  recorder,
} from '../adapters/postgres/ledger-store.ts';
import { createWaiverStore } from '../adapters/postgres/waiver-store.ts';
import { newsOutbox } from '../adapters/postgres/news-outbox.ts';
import { createNewerStore } from '../adapters/postgres/newer-store.ts';
import { createPromotionStore } from '../adapters/postgres/promotion-store.ts';
import { createReplacedDocumentStore } from '../adapters/postgres/replaced-document-store.ts';
import { createStopStore } from '../adapters/postgres/stop-store.ts';
import { createSecretMarkStore } from '../adapters/postgres/secret-mark-store.ts';
import { createTraceKeeper } from '../adapters/postgres/trace-keeper.ts';
import { acceptBundle } from '../app/accept-bundle.ts';
import { measureRoom } from '../app/artifact-room.ts';
import { keptFiles } from '../app/keep-files.ts';
import { fetchMain, MainRefusedError } from '../app/fetch-main.ts';
import { fetchSecretMarks } from '../app/fetch-secret-marks.ts';
import { keepPackages } from '../app/keep-packages.ts';
import { noteNewer } from '../app/note-newer.ts';
import { offerCheckpoint } from '../app/offer-checkpoint.ts';
import { floodedItems, pollOutbox } from '../app/poll-outbox.ts';
import { recordedFiles } from '../app/record-configuration.ts';
import { refreshPromotions } from '../app/refresh-promotions.ts';
import { createPairCut } from '../app/watch-stops.ts';
import { createLedgerProofs } from '../app/prove-entry.ts';
import { reportStatus } from '../app/report-status.ts';
import { IntakeConfig } from '../config-intake.ts';
import {
  bundleJudged,
  checkpointWitnessed,
  outboxFlooded,
  artifactDamaged,
  configurationChanged,
  promotionChanged,
  repositoryFrozen,
  repositoryReleased,
  statusReported,
} from '../events.ts';
import { keepNews } from '../news-keeping.ts';
import { keepReturns } from '../return-keeping.ts';
import { watchStandingSecrets } from '../watch-standing-secrets.ts';

/** A change of a file or of what is live is seen within this time; what waits shows it then. */
const refreshIntervalMs = 1_000;
const reportIntervalMs = 500;
/** Entries and cosignatures do not wait for each other; a witness that is late is shown as late. */
const offerIntervalMs = 1_000;
/** A main that is rewritten while something waits is seen within this time. */
const watchMainIntervalMs = 10_000;
const watchConfigurationIntervalMs = 2_000;
/** A value that somebody gives nonprod is found in a credential within this time. */
const secretMarksIntervalMs = 60_000;
/** Traces that are missing, which a restored table can bring about, are made again within this time. */
const keepTracesIntervalMs = 3_600_000;
/** Which packages a release locks is known within this time after it was taken in. */
const keepPackagesIntervalMs = 5_000;

await runProcess({
  name: 'gate-intake',
  schema: IntakeConfig,
  async start(config, runtime) {
    const { log, signal } = runtime;
    const signedFiles = await openGateFiles(config.files, toldInLog(runtime));
    const database = openDatabase(config.database);
    runtime.onClose(() => database.close());
    await assertReachable(database.pool, 'database');
    watchStandingSecrets(config, { database, runtime });
    const outbox = createOutboxClient(config.outbox);
    runtime.onClose(() => {
      outbox.close();
    });
    const promotions = createPromotionStore(database);
    const intake = createIntakeStore(database);
    const mirror = createMirrors(config.mirrors);
    const proofs = createLedgerProofs({
      ledger: createLedgerReader(database),
      vkey: readVerifierKey(config.ledgerKeyFile),
    });
    const ledger = proofs.facts;
    const clock = () => new Date();
    const artifacts = openArtifactStore(config.artifacts);
    const whole = wholeCopies(artifacts, {
      now: clock,
      onDamaged(digest, keptAs) {
        artifactDamaged(log, digest, keptAs);
      },
    });
    const contents = createArtifactReader(whole);
    const files = recordedFiles({
      files: keptFiles({ files: signedFiles, artifacts }),
      transactor: database,
      configurations: createConfigurationStore(database),
      recorder,
      onChange(configuration) {
        configurationChanged(log, configuration);
      },
      clock,
    });
    const shared = { source: config.outbox.name, gate: config.gate, intake, outbox, clock };
    const written = { transactor: database, promotions, recorder, files };
    const accepting = {
      ...shared,
      ...written,
      ...{ artifacts, contents },
      mirror,
      ledger,
      maxArtifactBytes: config.maxArtifactBytes,
      inspect: (digest: string, name: string) => inspectStored(artifacts, { digest, name }),
      room: () => measureRoom(artifacts, config),
      random: randomBytes,
    };

    const report = startLoop({
      name: 'report-status',
      intervalMs: reportIntervalMs,
      signal,
      log,
      async run() {
        const count = await reportStatus(shared);
        if (count > 0) statusReported(log, count);
      },
    });
    const refresh = startLoop({
      name: 'refresh-promotions',
      intervalMs: refreshIntervalMs,
      signal,
      log,
      run: () =>
        refreshPromotions({
          ...shared,
          ...written,
          ...{ git: mirror, contents },
          replaced: createReplacedDocumentStore(database),
          waivers: createWaiverStore(database),
          ledger,
          news: newsOutbox,
          onChange(change) {
            promotionChanged(log, change);
            report.wake();
          },
        }),
    });
    let isFlooded = false;
    const cutBy = createPairCut({
      ...{ stops: createStopStore(database), ledger, clock },
      emergency: createEmergencyStop(config.files),
    });
    let wasCut: string | null = null;
    const poll = startLoop({
      name: 'poll-outbox',
      intervalMs: config.pollSeconds * 1000,
      signal,
      log,
      async run() {
        const cut = await cutBy();
        if (cut !== wasCut) log.warn('outbox.cut', { by: cut ?? 'nothing any more' });
        wasCut = cut;
        if (cut !== null) return;
        const taken = await pollOutbox({
          ...shared,
          ...written,
          accept: (item) => acceptBundle(accepting, item),
          onAccepted(item, acceptance) {
            bundleJudged(log, item, acceptance);
          },
          onBehind(items) {
            if (items >= floodedItems !== isFlooded) outboxFlooded(log, items, !isFlooded);
            isFlooded = items >= floodedItems;
          },
        });
        if (taken === 0) return;
        refresh.wake();
        report.wake();
        watchMain.wake();
      },
    });
    const frozen = new Set<string>();
    const watchMain = startLoop({
      name: 'watch-main',
      intervalMs: watchMainIntervalMs,
      signal,
      log,
      async run() {
        for (const { repository } of config.mirrors) {
          try {
            await fetchMain(accepting, repository);
            if (frozen.delete(repository)) repositoryReleased(log, repository);
          } catch (cause) {
            if (!(cause instanceof MainRefusedError)) throw cause;
            // Told once a process, whoever saw it first; the freeze itself stands on every page.
            if (cause.code === 'E_NO_MIRROR' || frozen.has(repository)) continue;
            frozen.add(repository);
            repositoryFrozen(log, repository, cause.message);
          }
        }
        await noteNewer({ promotions, newer: createNewerStore(database), mirror });
      },
    });
    // Also when nothing is taken in and nothing waits: an older configuration that is put back is seen by the newer one on record.
    const watchConfiguration = startLoop({
      name: 'watch-configuration',
      intervalMs: watchConfigurationIntervalMs,
      signal,
      log,
      async run() {
        await files();
      },
    });
    const verifier = readWitnessKey(config.witnessKeyFile);
    const offer = startLoop({
      name: 'offer-checkpoint',
      intervalMs: offerIntervalMs,
      signal,
      log,
      async run() {
        const size = await offerCheckpoint({
          ...shared,
          ...written,
          ledger: createLedgerReader(database),
          cosignatures: createCosignatureStore(database),
          witness: outbox,
          verifier,
        });
        if (size !== null) checkpointWitnessed(log, verifier.name, size);
      },
    });
    const marks = startLoop({
      name: 'secret-marks',
      intervalMs: secretMarksIntervalMs,
      signal,
      log,
      async run() {
        await fetchSecretMarks({
          ...shared,
          marks: createSecretMarkStore(database),
          random: randomBytes,
        });
      },
    });
    const keeper = createTraceKeeper(database);
    const traces = startLoop({
      name: 'keep-traces',
      intervalMs: keepTracesIntervalMs,
      signal,
      log,
      async run() {
        while (!signal.aborted && (await keeper.fillMissing()) > 0);
      },
    });
    const packages = startLoop({
      name: 'keep-packages',
      intervalMs: keepPackagesIntervalMs,
      signal,
      log,
      async run() {
        while (!signal.aborted && (await keepPackages({ keeper, mirror })) > 0);
      },
    });
    const returning = keepReturns({
      ...{ ...shared, ...written, database, artifacts, contents, mirror, log, signal, proofs },
    });
    const { gate } = config;
    const telling = keepNews(config.notify, { database, files, gate, runtime, clock });
    runtime.onClose(async () => {
      await Promise.all([
        ...telling.map(({ done }) => done),
        poll.done,
        returning.done,
        marks.done,
        traces.done,
        packages.done,
        offer.done,
        refresh.done,
        report.done,
        watchMain.done,
        watchConfiguration.done,
      ]);
    });
  },
});
