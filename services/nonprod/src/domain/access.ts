/** Everybody who can sign in may look; who is in a group that is mapped to a role may act. */
export type NonprodRole = 'developer' | 'platform';

export type GroupRoles = Readonly<Record<string, NonprodRole>>;

/** Group names are compared exactly; an unknown group gives nothing. */
export function rolesOf(groups: readonly string[], mapping: GroupRoles): NonprodRole[] {
  const roles = groups.flatMap((group) => {
    const role = Object.hasOwn(mapping, group) ? mapping[group] : undefined;
    return role === undefined ? [] : [role];
  });
  return [...new Set(roles)];
}

/** The groups that would have given the role, for the page that says no. */
export function groupsFor(role: string, mapping: GroupRoles): string[] {
  return Object.keys(mapping).filter((group) => mapping[group] === role);
}
