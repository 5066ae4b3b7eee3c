/**
 * The two jobs behind a rotation. Each step replaces one row by compare-and-set, keyed by the key's id and what it was
 * wrapped by: a kill between two of them loses nothing, and two processes at once do no more than one.
 */
import { contextOf } from '@airlock/envelope/context';
import { wrappedVersion, type KekProvider } from '@airlock/envelope/kek-provider';
import { openSealed, seal } from '@airlock/envelope/seal';
import type { ProjectDeks } from './project-deks.ts';
import type { ProjectDekStore, SecretStore, Stray } from './secret-ports.ts';

const strayBatch = 100;

/**
 * Brings every project key under the newest version of the key-encryption key. With Transit no key leaves Vault.
 *
 * @returns how many were brought.
 * @throws the first failure, after all others were tried.
 */
export async function rewrapProjectDeks({
  kek,
  deks,
}: {
  readonly kek: Pick<KekProvider, 'rewrap' | 'currentVersion'>;
  readonly deks: ProjectDekStore;
}): Promise<number> {
  const all = await deks.all();
  if (all.length === 0) return 0;
  const current = await kek.currentVersion();
  const older = all.filter(({ wrapped }) => wrappedVersion(wrapped) < current);
  return eachOf(older, async ({ id, project, wrapped }) => {
    const to = await kek.rewrap(wrapped, contextOf({ type: 'project-dek', project, dek: id }));
    return deks.rewrapped({ id, from: wrapped, to });
  });
}

/**
 * Moves what replaced project keys still wrap to the active ones, and deletes those that wrap nothing any more.
 *
 * @returns how many keys were moved.
 * @throws the first failure, after all others were tried.
 */
export async function moveToActiveDeks({
  secrets,
  dekStore,
  deks,
}: {
  readonly secrets: SecretStore;
  readonly dekStore: Pick<ProjectDekStore, 'deleteUnused'>;
  readonly deks: ProjectDeks;
}): Promise<number> {
  let moved = 0;
  for (;;) {
    const strays = await secrets.strays(strayBatch);
    moved += await eachOf(strays, (stray) => moveOne(stray, { secrets, deks }));
    if (strays.length < strayBatch) break;
  }
  await dekStore.deleteUnused();
  return moved;
}

async function moveOne(
  stray: Stray,
  { secrets, deks }: { readonly secrets: SecretStore; readonly deks: ProjectDeks },
): Promise<boolean> {
  const active = await deks.active(stray.project);
  const key = await deks.use(stray.projectDek, (projectKey) =>
    openSealed(projectKey, stray.wrapped, contextUnder(stray, stray.projectDek.id)),
  );
  try {
    const wrapped = await deks.use(active, (projectKey) =>
      seal(projectKey, key, contextUnder(stray, active.id)),
    );
    return await secrets.moved(stray, { projectDek: active.id, wrapped });
  } finally {
    key.fill(0);
  }
}

function contextUnder(stray: Stray, dek: string): Buffer {
  const { project } = stray;
  return stray.kind === 'build'
    ? contextOf({ type: 'build-dek', project, dek, run: stray.run })
    : contextOf({
        type: 'secret-dek',
        project,
        dek,
        secret: stray.secret,
        name: stray.name,
        version: stray.version,
      });
}

/** One that fails does not hold up the others. @returns for how many `work` said true. */
async function eachOf<T>(
  items: readonly T[],
  work: (item: T) => Promise<boolean>,
): Promise<number> {
  const failures: unknown[] = [];
  let done = 0;
  for (const item of items) {
    try {
      if (await work(item)) done += 1;
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return done;
}
