/**
 * What one build is given, sealed under a key of that build: boxes may lie in queues and logs of queues, and open no more
 * once the key is deleted at the build's end.
 */
import { Secret } from '@airlock/common/secret';
import { contextOf } from '@airlock/envelope/context';
import { newKey, openSealed, seal } from '@airlock/envelope/seal';
import type { ProjectDeks } from './project-deks.ts';
import type { BuildDek, BuildDekStore } from './secret-ports.ts';

export interface BuildBoxes {
  /** @param label what it is for, such as a secret's name; a box opens under its own label alone. */
  seal(build: { project: string; run: string }, label: string, value: Secret): Promise<Buffer>;
  /** Null when the build's key is erased. @throws EnvelopeError for a box of another build or label. */
  open(run: string, label: string, box: Uint8Array): Promise<Secret | null>;
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
    async seal({ project, run }, label, value) {
      const dek = await dekOf(project, run);
      const context = contextOf({ type: 'build-box', project: dek.project, run, label });
      const plain = Buffer.from(value.reveal(), 'utf8');
      return withKey(run, dek, (key) => seal(key, plain, context)).finally(() => plain.fill(0));
    },

    async open(run, label, box) {
      const dek = await builds.find(run);
      if (dek === null) return null;
      const context = contextOf({ type: 'build-box', project: dek.project, run, label });
      return withKey(run, dek, (key) => {
        const plain = openSealed(key, box, context);
        try {
          return new Secret(plain.toString('utf8'));
        } finally {
          plain.fill(0);
        }
      });
    },

    erase: (run) => builds.erase(run),
  };
}
