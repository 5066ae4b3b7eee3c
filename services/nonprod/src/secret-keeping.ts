/** Wires everything that may see a secret; the web process alone calls it. */
import { createDekCache } from '@airlock/envelope/dek-cache';
import { EnvelopeError } from '@airlock/envelope/envelope-error';
import { onceProven } from '@airlock/envelope/once-proven';
import { openKeeper } from '@airlock/envelope/settings';
import { ConfigurationError } from '@airlock/process/config';
import { startLoop } from '@airlock/process/loop';
import type { Runtime } from '@airlock/process/main';
import { listenOnSocket } from '@airlock/process/unix-socket';
import { createBuildDekStore } from './adapters/postgres/build-dek-store.ts';
import type { Database } from './adapters/postgres/client.ts';
import { createProjectDekStore } from './adapters/postgres/project-dek-store.ts';
import { createSecretReadingStore } from './adapters/postgres/secret-reading-store.ts';
import { createSecretStore } from './adapters/postgres/secret-store.ts';
import { createBuildBoxes } from './app/build-boxes.ts';
import { createHandOutSecrets, type HandOutSecrets } from './app/hand-out-secrets.ts';
import type { JobMaskers } from './app/job-maskers.ts';
import { createManageSecrets, type ManageSecrets } from './app/manage-secrets.ts';
import { createMarkSecrets } from './app/mark-secrets.ts';
import type { NewId } from './app/ports.ts';
import { createProjectDeks } from './app/project-deks.ts';
import { moveToActiveDeks, rewrapProjectDeks } from './app/rewrap-keys.ts';
import type { ProjectDekStore, SecretStore } from './app/secret-ports.ts';
import type { WebConfig } from './config.ts';
import type { Events } from './events.ts';
import { createMarksServer } from './http/marks-socket.ts';

/** A rotation of the key-encryption key is followed within this time. */
const rewrapIntervalMs = 60_000;
const moveIntervalMs = 30_000;

export interface SecretKeeping {
  readonly manage: ManageSecrets;
  readonly secrets: Pick<SecretStore, 'list' | 'versions' | 'offered'>;
  readonly projectKeys: Pick<ProjectDekStore, 'active'>;
  readonly keeper: string;
  readonly handOut: HandOutSecrets;
}

/** @throws ConfigurationError when the keeper refuses, or does not bind a key to its context. */
export async function keepSecrets(options: {
  readonly settings: NonNullable<WebConfig['secrets']>;
  readonly db: Database;
  readonly runtime: Runtime;
  readonly events: Events;
  readonly newId: NewId;
  readonly maskers: JobMaskers;
}): Promise<SecretKeeping> {
  const { settings, db, runtime, events, newId, maskers } = options;
  const { log, signal } = runtime;
  const kek = onceProven(openKeeper(settings.keeper));
  try {
    await kek.prove();
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    if (error.code !== 'kek-unavailable') {
      throw new ConfigurationError('configuration-refused', error.message, { cause: error });
    }
    // Builds and pages go on without; the proof is made before anything is wrapped or opened.
    events.keeperAway(kek.name, error);
  }
  const cache = createDekCache(kek);
  runtime.onClose(() => {
    cache.clear();
  });
  const dekStore = createProjectDekStore(db);
  const secrets = createSecretStore(db);
  const builds = createBuildDekStore(db);
  const deks = createProjectDeks({ kek, cache, deks: dekStore, newId });

  const rewrap = startLoop({
    name: 'rewrap-project-keys',
    intervalMs: rewrapIntervalMs,
    signal,
    log,
    async run() {
      const count = await rewrapProjectDeks({ kek, deks: dekStore });
      if (count > 0) events.keysRewrapped('project', count);
    },
  });
  const move = startLoop({
    name: 'move-secret-keys',
    intervalMs: moveIntervalMs,
    signal,
    log,
    async run() {
      await builds.eraseFinished();
      const count = await moveToActiveDeks({ secrets, dekStore, deks });
      if (count > 0) events.keysRewrapped('secret', count);
    },
  });
  runtime.onClose(async () => {
    await Promise.all([rewrap.done, move.done]);
  });

  const server = createMarksServer({ marks: createMarkSecrets({ secrets, deks }), log });
  await listenOnSocket(server, settings.socketPath, settings.socketMode === '0600' ? 0o600 : 0o660);
  runtime.onClose(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  );
  return {
    manage: createManageSecrets({
      secrets,
      deks,
      dekStore,
      events,
      newId,
      onRotated: () => {
        move.wake();
      },
    }),
    secrets,
    projectKeys: dekStore,
    keeper: kek.name,
    handOut: createHandOutSecrets({
      reading: createSecretReadingStore(db),
      deks,
      boxes: createBuildBoxes({ deks, builds }),
      maskers,
      events,
      now: () => new Date(),
    }),
  };
}
