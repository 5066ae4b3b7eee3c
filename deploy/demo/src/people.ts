import type { Role } from '@airlock/common/policy/target-approvals';

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly roles: readonly Role[];
  /** Group names as the identity provider sends them. */
  readonly groups: readonly string[];
}

/** Five people without passwords: one picks a name on the sign-in page. */
export const people: readonly Person[] = [
  { id: 'dana', name: 'Dana Okafor', roles: ['developer'], groups: ['developers'] },
  {
    id: 'leo',
    name: 'Leo Brandt',
    roles: ['release-manager'],
    groups: ['developers', 'release-managers'],
  },
  {
    id: 'mira',
    name: 'Mira Santos',
    roles: ['release-manager'],
    groups: ['developers', 'release-managers'],
  },
  { id: 'oke', name: 'Oke Lindqvist', roles: ['platform'], groups: ['platform'] },
  { id: 'aud', name: 'Aud Farouk', roles: ['auditor'], groups: ['auditors'] },
];

export const emailOf = (person: Person): string => `${person.id}@demo.airlock.example`;
