/** What a delivery to a target will read, before anything of it exists: as rows of its session, and in words for people. */
import {
  endingOf,
  readPathOf,
  type CredentialKind,
  type CredentialRead,
  type Ending,
  type VaultCredentials,
} from '@airlock/common/policy/target-credentials';

export type PlannedCredential = {
  readonly name: string;
  readonly kind: CredentialKind;
  readonly path: string;
  readonly ending: Ending;
};

export function plannedCredentials(reads: readonly CredentialRead[]): PlannedCredential[] {
  return reads.map((read) => ({
    name: read.as,
    kind: read.kind,
    path: readPathOf(read),
    ending: endingOf(read.kind),
  }));
}

/** How long a credential will live at most and what ends it. */
export function plannedLife(read: CredentialRead, { ttl }: Pick<VaultCredentials, 'ttl'>): string {
  switch (endingOf(read.kind)) {
    case 'revocable':
      return `for at most ${ttl} s, destroyed when the hook ends`;
    case 'ttl-only':
      return `ends by itself within ${'life' in read ? (read.life ?? ttl) : ttl} s; revocation cannot end it sooner`;
    case 'by-hand':
      return 'does not end by itself: a person replaces it';
  }
}
