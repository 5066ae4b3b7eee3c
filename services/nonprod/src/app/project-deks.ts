/** A project's own key: made at its first secret, kept wrapped, used from memory for five minutes. */
import { contextOf } from '@airlock/envelope/context';
import type { DekCache, WrappedDek } from '@airlock/envelope/dek-cache';
import type { KekProvider } from '@airlock/envelope/kek-provider';
import { newKey } from '@airlock/envelope/seal';
import type { NewId } from './ports.ts';
import type { ProjectDek, ProjectDekStore } from './secret-ports.ts';

export interface ProjectDeks {
  active(project: string): Promise<ProjectDek>;
  use: DekCache['use'];
  /** A new active key in the place of `from`; false when `from` is not the active one (any more). */
  rotate(project: string, from: string): Promise<boolean>;
}

export function createProjectDeks(ports: {
  readonly kek: Pick<KekProvider, 'wrap'>;
  readonly cache: DekCache;
  readonly deks: ProjectDekStore;
  readonly newId: NewId;
}): ProjectDeks {
  const { kek, cache, deks, newId } = ports;

  async function wrapped(project: string): Promise<WrappedDek> {
    const id = newId('dek');
    const key = newKey();
    try {
      const context = contextOf({ type: 'project-dek', project, dek: id });
      return { id, project, wrapped: await kek.wrap(key, context) };
    } finally {
      key.fill(0);
    }
  }

  return {
    async active(project) {
      const found = await deks.active(project);
      if (found !== null) return found;
      await deks.insertFirst(await wrapped(project));
      const first = await deks.active(project);
      if (first === null) throw new Error(`the key of ${project} was erased while it was made`);
      return first;
    },
    use: (dek, work) => cache.use(dek, work),
    rotate: async (project, from) => deks.replaceActive(from, await wrapped(project)),
  };
}
