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
      return `at most ${ttl} s, destroyed when the hook ends`;
    case 'ttl-only':
      return `ends by itself within ${'life' in read ? (read.life ?? ttl) : ttl} s; revocation cannot end it sooner`;
    case 'by-hand':
      return 'does not end by itself: a person replaces it';
  }
}

/** Vault's clock may be this much ahead of ours without making a life too long, in seconds. */
const clockSkewSeconds = 5;

/**
 * What to lower at Vault because a credential lives longer than the approved target file allows; null when it does not.
 *
 * @param lives.seconds from now; null for what does not end by itself.
 */
export function livesTooLong(
  read: CredentialRead,
  { seconds, ttl }: { readonly seconds: number | null; readonly ttl: number },
): string | null {
  const longest = 'life' in read ? (read.life ?? ttl) : ttl;
  if (seconds === null || seconds <= longest + clockSkewSeconds) return null;
  const gave = `Vault gave ${read.as} for ${seconds} s, approved were ${longest} s at most`;
  switch (read.kind) {
    case 'database':
      return `${gave}; lower default_ttl and max_ttl of role ${read.role} at ${read.mount}`;
    case 'aws':
      return `${gave}; lower default_sts_ttl of role ${read.role} at ${read.mount} (AWS gives no session under 15m: the target file says life: 15m)`;
    case 'ssh':
    case 'pki':
      return `${gave}; lower max_ttl of role ${read.role} at ${read.mount}`;
    case 'kv':
      return null;
  }
}
