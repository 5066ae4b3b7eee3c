/** Secrets on a test database, with key files of their own and everything as the web process wires it. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '@airlock/common/secret';
import { createDekCache } from '@airlock/envelope/dek-cache';
import { openHandout, type Handout, type HandoutPlace } from '@airlock/envelope/handout';
import { newRecipient } from '@airlock/envelope/hpke';
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

const runner = 'r1';

export interface Boxed {
  readonly place: HandoutPlace;
  readonly handout: Handout;
}

export const silent = createLog('test');
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
  const boxes = createBuildBoxes({ deks, builds });
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
    boxes,
    async boxed(project: string, run: string, value: string): Promise<Boxed> {
      const place = { run, job: 'job_1', lease: 1, step: 'build' };
      const { publicKey } = newRecipient();
      const values = [{ name: 'TOKEN', value: new Secret(value) }];
      return { place, handout: await boxes.pack(project, place, { runner, publicKey, values }) };
    },
    /** What boxes that somebody copied hold, to whoever is given a key for the same place now. */
    async reopen(project: string, { place, handout }: Boxed): Promise<string | undefined> {
      const recipient = newRecipient();
      const { publicKey } = recipient;
      const { key } = await boxes.pack(project, place, { runner, publicKey, values: [] });
      const opened = openHandout(place, { runner, recipient }, { key, boxes: handout.boxes });
      return opened.get('TOKEN')?.toString();
    },
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
