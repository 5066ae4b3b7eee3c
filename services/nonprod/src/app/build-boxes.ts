/**
 * What one build is given, in boxes under keys that come from a key of that build. At the build's end that key is deleted:
 * whatever was copied of boxes opens no more with anything that is left here.
 */
import type { Secret } from '@airlock/common/secret';
import { contextOf } from '@airlock/envelope/context';
import { packHandout, type Handout, type HandoutPlace } from '@airlock/envelope/handout';
import { newKey, openSealed, seal } from '@airlock/envelope/seal';
import type { ProjectDeks } from './project-deks.ts';
import type { BuildDek, BuildDekStore } from './secret-ports.ts';

export interface BuildBoxes {
  /** Boxes for one step, and the key that opens them, sealed to the runner's. */
  pack(
    project: string,
    place: HandoutPlace,
    given: {
      readonly runner: string;
      readonly publicKey: Uint8Array;
      readonly values: readonly { readonly name: string; readonly value: Secret }[];
    },
  ): Promise<Handout>;
  erase(run: string): Promise<boolean>;
}

const mostAttempts = 5;

export function createBuildBoxes({
  deks,
  builds,
}: {
  readonly deks: ProjectDeks;
  readonly builds: BuildDekStore;
}): BuildBoxes {
  async function dekOf(project: string, run: string): Promise<BuildDek> {
    for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
      const found = await builds.find(run);
      if (found !== null) return found;
      const projectDek = await deks.active(project);
      const key = newKey();
      const context = contextOf({ type: 'build-dek', project, dek: projectDek.id, run });
      const wrapped = await deks
        .use(projectDek, (projectKey) => seal(projectKey, key, context))
        .finally(() => key.fill(0));
      await builds.insert({ project, projectDek, run, wrapped });
    }
    throw new Error(`the key of ${run} could not be made: its project's key changes all the time`);
  }

  /** The build's key; zeroed after `work`. */
  async function withKey<T>(run: string, dek: BuildDek, work: (key: Buffer) => T): Promise<T> {
    const { project, projectDek, wrapped } = dek;
    const context = contextOf({ type: 'build-dek', project, dek: projectDek.id, run });
    const key = await deks.use(projectDek, (projectKey) =>
      openSealed(projectKey, wrapped, context),
    );
    try {
      return work(key);
    } finally {
      key.fill(0);
    }
  }

  return {
    async pack(project, place, { runner, publicKey, values }) {
      const dek = await dekOf(project, place.run);
      const plain = values.map(({ name, value }) => ({ name, value: bytesOf(value) }));
      try {
        return await withKey(place.run, dek, (buildKey) =>
          packHandout(place, { runner, publicKey, buildKey, values: plain }),
        );
      } finally {
        for (const { value } of plain) value.fill(0);
      }
    },

    erase: (run) => builds.erase(run),
  };
}

const bytesOf = (value: Secret): Buffer => Buffer.from(value.reveal(), 'utf8');
