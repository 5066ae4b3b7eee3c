/** Labels of repositories, which the platform role sets: by them a secret of one repository is for others too. */
import { z } from 'zod';

export const RepositoryLabel = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,62}=[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
    'expected NAME=VALUE, such as team=web',
  );

export interface Labelled {
  readonly name: string;
  readonly labels: readonly string[];
}

export interface OwnedSecret {
  /** The repository that it was set for. */
  readonly project: string;
  readonly name: string;
  readonly filters: { readonly labels: readonly string[] };
}

/** Its own repository has it always; another one when the secret names labels and it has every one of them. */
export function isOffered({ project, filters }: OwnedSecret, { name, labels }: Labelled): boolean {
  if (project === name) return true;
  return filters.labels.length > 0 && filters.labels.every((label) => labels.includes(label));
}

/** Of secrets of the same name the repository's own counts, so that none of another can take its place. */
export function offeredTo<Secret extends OwnedSecret>(
  repository: Labelled,
  secrets: readonly Secret[],
): Secret[] {
  const found = new Map<string, Secret>();
  for (const secret of secrets) {
    if (!isOffered(secret, repository)) continue;
    const other = found.get(secret.name);
    if (other === undefined || comesFirst(secret, other, repository.name)) {
      found.set(secret.name, secret);
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function comesFirst(secret: OwnedSecret, other: OwnedSecret, repository: string): boolean {
  if (secret.project === repository) return true;
  return other.project !== repository && secret.project < other.project;
}
