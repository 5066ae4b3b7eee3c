/** What the groups of a repository let somebody do with it, on top of what their role allows. */

/** `start`: runs are started, released and asked to be promoted. `edit`: what stays afterwards is changed. */
export type Verb = 'start' | 'edit';

export interface Owners {
  readonly own: readonly string[];
  readonly launch: readonly string[];
}

export type Permission =
  | { readonly kind: 'allowed' }
  /** @property needs groups that would be let in. */
  | { readonly kind: 'refused'; readonly needs: readonly string[] };

/**
 * Takes away and never adds: who asks has the role for it already. A repository that belongs to nobody is left to the roles;
 * the platform role, which says whose a repository is, may act on every one. Groups are compared exactly.
 */
export function can(
  person: { readonly groups: readonly string[]; readonly roles: readonly string[] },
  verb: Verb,
  { own, launch }: Owners,
): Permission {
  if (own.length === 0 && launch.length === 0) return { kind: 'allowed' };
  if (person.roles.includes('platform')) return { kind: 'allowed' };
  const needs = verb === 'start' ? [...own, ...launch] : own;
  return needs.some((group) => person.groups.includes(group))
    ? { kind: 'allowed' }
    : { kind: 'refused', needs };
}
