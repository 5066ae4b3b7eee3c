/** What people do with the secrets of a project. A value goes in and comes out to no page. */
import { maxSecretMarks } from '@airlock/common/limits';
import type { Secret } from '@airlock/common/secret';
import type { SecretKind } from '@airlock/common/wire/secret-handout';
import type { SecretFilters } from '../domain/secret-filter.ts';
import type { Events } from '../events.ts';
import type { NewId } from './ports.ts';
import type { ProjectDeks } from './project-deks.ts';
import { sealSecret } from './seal-secret.ts';
import type { ProjectDekStore, SecretStore } from './secret-ports.ts';

export interface SecretWish {
  readonly project: string;
  readonly name: string;
  readonly description: string;
  /** Of kind `ssh-key`: the key and what belongs to it, as JSON. */
  readonly value: Secret;
  readonly kind: SecretKind;
  /** Null: as they are, or, of a new secret, pushes to protected branches in pools of trust 2. */
  readonly filters: SecretFilters | null;
  /** NameID as the identity provider sent it. */
  readonly person: string;
}

export type SetAnswer =
  | { readonly kind: 'set'; readonly version: number }
  /** As many secrets are kept as the gate can be told of. */
  | { readonly kind: 'too-many' }
  /** Others set it at the same time, again and again. */
  | { readonly kind: 'busy' };

export interface ManageSecrets {
  set(wish: SecretWish): Promise<SetAnswer>;
  /** Who may read it from now on; false when there is no such secret. */
  setFilters(
    project: string,
    name: string,
    filters: SecretFilters,
    person: string,
  ): Promise<boolean>;
  /** False when there is nothing (any more) to erase. */
  erase(project: string, name: string, person: string): Promise<boolean>;
  /** How many secrets that were. */
  eraseProject(project: string, person: string): Promise<number>;
  /** A new key for the project; what the old one wraps is moved in the background. False when there is no key yet. */
  rotate(project: string, person: string): Promise<boolean>;
}

const mostAttempts = 5;

export function createManageSecrets(ports: {
  readonly secrets: SecretStore;
  readonly deks: ProjectDeks;
  readonly dekStore: Pick<ProjectDekStore, 'active'>;
  readonly events: Events;
  readonly newId: NewId;
  /** Called when something waits to be moved to a new key. */
  onRotated(): void;
}): ManageSecrets {
  const { secrets, deks, dekStore, events, newId } = ports;
  return {
    async set({ project, name, description, value, kind, filters, person }) {
      for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
        const { id, lastVersion } = await secrets.place(project, name);
        if ((await secrets.count()) >= maxSecretMarks) return { kind: 'too-many' };
        const version = lastVersion + 1;
        const projectDek = await deks.active(project);
        const place = { id: id ?? newId('sec'), project, name, version, projectDek };
        const sealed = await sealSecret(deks, place, value);
        const isNew = id === null;
        if (await secrets.addVersion({ ...sealed, isNew, description, person, kind, filters })) {
          events.secretSet({ project, name, version }, person);
          return { kind: 'set', version };
        }
      }
      return { kind: 'busy' };
    },

    async setFilters(project, name, filters, person) {
      const changed = await secrets.setFilters(project, name, filters);
      if (changed) events.secretFiltersSet({ project, name, filters }, person);
      return changed;
    },

    async erase(project, name, person) {
      const erased = await secrets.erase(project, name, person);
      if (erased) events.secretErased({ project, name }, person);
      return erased;
    },

    async eraseProject(project, person) {
      const count = await secrets.eraseProject(project, person);
      events.projectErased({ project, count }, person);
      return count;
    },

    async rotate(project, person) {
      const active = await dekStore.active(project);
      if (active === null) return false;
      // False when another rotation was faster: then the project has a new key, which is what was asked for.
      if (await deks.rotate(project, active.id)) events.projectKeyRotated({ project }, person);
      ports.onRotated();
      return true;
    },
  };
}
