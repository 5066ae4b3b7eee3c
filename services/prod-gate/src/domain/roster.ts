/** Who somebody is at the gate. Identities are compared exactly; who is in no row of the roster is nobody here. */
import type { Roster } from '@airlock/common/policy/target-policy';

export type Person = Roster['people'][number];

export function personByNameId(roster: Roster, nameId: string): Person | null {
  return roster.people.find((person) => person.nameId === nameId) ?? null;
}

/**
 * The people who signed configuration with these keys. An `unmapped` key could be an approver's, so that a target that excludes
 * policy editors is not delivered to before the roster says whose it is.
 */
export function peopleOfKeys(
  roster: Roster,
  keyids: readonly string[],
): { people: readonly string[]; unmapped: readonly string[] } {
  const ownersOf = (keyid: string): Person[] =>
    roster.people.filter(({ configurationKeys }) => configurationKeys?.includes(keyid) === true);
  const people = new Set(keyids.flatMap((keyid) => ownersOf(keyid).map(({ id }) => id)));
  const unmapped = keyids.filter((keyid) => ownersOf(keyid).length === 0);
  return { people: [...people].sort(), unmapped: [...new Set(unmapped)].sort() };
}

/**
 * The people behind the author and committer addresses of a delta.
 *
 * `unmapped` are addresses of nobody in the roster: one of them could be an approver's second address, so that a delta with
 * such an address is not delivered before the roster says whose it is.
 */
export function peopleOfEmails(
  roster: Roster,
  emails: readonly string[],
): { people: readonly string[]; unmapped: readonly string[] } {
  const people = new Set<string>();
  const unmapped: string[] = [];
  for (const email of emails) {
    const owners = roster.people.filter((person) => person.gitEmails.includes(email));
    if (owners.length === 0) unmapped.push(email);
    for (const owner of owners) people.add(owner.id);
  }
  return { people: [...people].sort(), unmapped };
}
