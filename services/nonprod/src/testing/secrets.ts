/** Secrets on a test database, with key files of their own and everything as the web process wires it. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDekCache } from '@airlock/envelope/dek-cache';
import { createKeyFileKek } from '@airlock/envelope/key-file-kek';
import { createLog } from '@airlock/process/log';
import { createBuildDekStore } from '../adapters/postgres/build-dek-store.ts';
import { createProjectDekStore } from '../adapters/postgres/project-dek-store.ts';
import { createSecretStore } from '../adapters/postgres/secret-store.ts';
import { createBuildBoxes } from '../app/build-boxes.ts';
import { createManageSecrets } from '../app/manage-secrets.ts';
import { createProjectDeks } from '../app/project-deks.ts';
import { createEvents } from '../events.ts';
import type { TestDatabase } from './database.ts';
import { newId } from './fixtures.ts';

const silent = createLog('test');
for (const level of ['debug', 'info', 'warn', 'error'] as const) silent[level] = () => undefined;

export function testSecrets(database: TestDatabase) {
  const directory = mkdtempSync(join(tmpdir(), 'airlock-kek-'));
  const newKeyVersion = (version: number): void => {
    writeFileSync(join(directory, `${version}.key`), randomBytes(32), { mode: 0o600 });
  };
  newKeyVersion(1);
  const db = database.as('nonprod_web');
  const kek = createKeyFileKek(directory);
  const dekStore = createProjectDekStore(db);
  const secrets = createSecretStore(db);
  const builds = createBuildDekStore(db);
  const cache = createDekCache(kek);
  const deks = createProjectDeks({ kek, cache, deks: dekStore, newId });
  return {
    directory,
    newKeyVersion,
    kek,
    dekStore,
    secrets,
    builds,
    deks,
    /** As another process would have it, with nothing in its memory. */
    freshDeks: () => createProjectDeks({ kek, cache: createDekCache(kek), deks: dekStore, newId }),
    boxes: createBuildBoxes({ deks, builds }),
    manage: createManageSecrets({
      secrets,
      deks,
      dekStore,
      events: createEvents(silent),
      newId,
      onRotated: () => undefined,
    }),
    remove(): void {
      cache.clear();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
