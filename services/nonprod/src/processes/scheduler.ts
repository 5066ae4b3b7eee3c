/**
 * Commits become runs, passed runs become candidates, requests become outbox items. Holds no key and serves nobody: it
 * asks the signer over its socket. Everything is found by timers; a bell only makes it sooner.
 */
import { randomBytes } from 'node:crypto';
import { openArtifactStore } from '@airlock/artifacts/open-store';
import { formatId } from '@airlock/common/ids';
import { openPool } from '@airlock/database/pool';
import { assertReachable } from '@airlock/database/reachable';
import { startLoop, type Loop } from '@airlock/process/loop';
import { runProcess, type Runtime } from '@airlock/process/main';
import { poolConfig } from '@airlock/process/settings';
import { createDoorbell } from '@airlock/queue/doorbell';
import { createTellForge } from '../adapters/forge/tell-status.ts';
import { openSourceMirrors } from '../adapters/git/source-mirrors.ts';
import { createCandidateStore } from '../adapters/postgres/candidate-store.ts';
import { createDatabase } from '../adapters/postgres/client.ts';
import { createDeliveryQueue } from '../adapters/postgres/delivery-store.ts';
import { createGroupStore } from '../adapters/postgres/group-store.ts';
import { createLeaseSweeper } from '../adapters/postgres/lease-sweeper.ts';
import { createPublishStore } from '../adapters/postgres/outbox-store.ts';
import { createScheduleQueue } from '../adapters/postgres/schedule-store.ts';
import { createStatusOutbox } from '../adapters/postgres/status-outbox.ts';
import { createRepositoryKeeping } from '../adapters/postgres/repository-store.ts';
import { createSignerClient } from '../adapters/signer/signer-client.ts';
import { createExpireLeases } from '../app/expire-leases.ts';
import { createFireSchedules } from '../app/fire-schedules.ts';
import type { NewId } from '../app/ports.ts';
import { createPublishPromotions } from '../app/publish-promotions.ts';
import { createReadWebhooks } from '../app/read-webhooks.ts';
import { createTellForges } from '../app/tell-forges.ts';
import { createSignRuns } from '../app/sign-runs.ts';
import { jobsBell, lookAtOne, lookAtRepository, lookAtWebhooks, schedulerBell } from '../bells.ts';
import { SchedulerConfig } from '../config.ts';
import { createEvents } from '../events.ts';
import { keepFound } from '../found-keeping.ts';
import { keepNotifications } from '../notification-keeping.ts';
import { watchRepositories } from '../repository-keeping.ts';
import { makeRuns } from '../trust-keeping.ts';

/** Whoever replays a captured delivery later than this is believed once more; what it says is asked of git then. */
const deliveriesKeptDays = 180;

const newId: NewId = (prefix) => formatId(prefix, randomBytes(10));

await runProcess({ name: 'nonprod-scheduler', schema: SchedulerConfig, start });

async function start(config: SchedulerConfig, runtime: Runtime): Promise<void> {
  const { log, signal } = runtime;
  const events = createEvents(log);
  const pool = openPool(poolConfig(config.database));
  runtime.onClose(() => pool.end());
  await assertReachable(pool, 'database');
  const db = createDatabase(pool);
  runtime.onClose(() => db.$disconnect());

  const signer = createSignerClient(config.signer.socketPath);
  const redisUrl = config.redis?.url ?? null;
  const jobs = createDoorbell({ name: jobsBell, redisUrl, log });
  const bell = createDoorbell({ name: schedulerBell, redisUrl, log });
  runtime.onClose(() => jobs.close());
  runtime.onClose(() => bell.close());

  const { name, url, mainBranch, provider } = config.repository;
  const places = {
    configured: { name, directory: config.git.mirrorDirectory },
    directory: config.repositories?.mirrorsDirectory ?? null,
  };
  const mirrors = openSourceMirrors(places);
  const repositories = createRepositoryKeeping(db);
  await repositories.ensureConfigured(name, {
    url,
    cloneUrl: config.git.url,
    provider,
    mainBranch,
    protectedRefs: [],
    branches: [],
    buildLatest: false,
  });
  const { owners, launchers } = config;
  await createGroupStore(db).set(name, { own: owners, launch: launchers }, 'configuration');
  const deliveries = createDeliveryQueue(db, pool);
  const { prepareRun, applyReleases, admitRuns } = await makeRuns(
    { db, mirrors, jobs, events, newId },
    config,
  );
  const watch = watchRepositories({ db, places, config, runtime, jobs, events, prepareRun });

  const finding = await keepFound(config, {
    ...{ db, runtime },
    onAdded: (repository) => {
      watch.wake(repository);
    },
  });
  const sweepMs = config.sweepSeconds * 1000;
  const telling = keepNotifications(config.notify, {
    ...{ db, pool, origin: config.origin, intervalMs: sweepMs, runtime },
  });
  const loop = (named: string, intervalMs: number, run: () => Promise<void>): Loop =>
    startLoop({ name: named, intervalMs, signal, log, run });
  const loops = {
    webhooks: loop(
      'read-webhooks',
      sweepMs,
      createReadWebhooks({
        deliveries,
        repositories,
        events,
        newId,
        onNews: (repository) => {
          watch.wake(repository);
        },
      }),
    ),
    schedules: loop(
      'fire-schedules',
      sweepMs,
      createFireSchedules({
        schedules: createScheduleQueue(db),
        clock: () => new Date(),
        newId,
        onFired: (repository) => {
          watch.wake(repository);
        },
      }),
    ),
    statuses: loop(
      'tell-forges',
      sweepMs,
      createTellForges(
        {
          outbox: createStatusOutbox(db),
          forge: createTellForge(config.forges),
          events,
          signal,
        },
        { origin: config.origin },
      ),
    ),
    forget: loop('forget-webhooks', 3600_000, async () => {
      await deliveries.forget(deliveriesKeptDays);
    }),
    expire: loop(
      'expire-leases',
      sweepMs,
      createExpireLeases({ leases: createLeaseSweeper(db), jobs, events }),
    ),
    sign: loop(
      'sign-runs',
      sweepMs,
      createSignRuns(
        { candidates: createCandidateStore(db), signer, mirror: mirrors.of(name), events, newId },
        { origin: config.origin, mainBranch, repositoryUrl: url },
      ),
    ),
    release: loop('apply-releases', sweepMs, applyReleases),
    admit: loop('admit-runs', sweepMs, admitRuns),
    publish: loop(
      'publish-promotions',
      sweepMs,
      createPublishPromotions({
        requests: createPublishStore(db),
        signer,
        blobs: openArtifactStore(config.artifacts),
        clock: () => new Date(),
        events,
      }),
    ),
  };
  runtime.onClose(async () => {
    const all = [...telling, ...finding, ...Object.values(loops)];
    await Promise.all([watch.done(), ...all.map(({ done }) => done)]);
  });

  bell.listen((id) => {
    if (id === lookAtRepository) watch.wake(null);
    else if (id.startsWith(lookAtOne)) watch.wake(id.slice(lookAtOne.length));
    else if (id === lookAtWebhooks) loops.webhooks.wake();
    else if (id.startsWith('run_')) {
      loops.release.wake();
      loops.sign.wake();
      loops.admit.wake();
    } else if (id.startsWith('prq_')) loops.publish.wake();
    return Promise.resolve();
  });
}
