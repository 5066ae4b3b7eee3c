/**
 * The part of a target file that says what a delivery reads at Vault, and how each of those credentials ends.
 *
 * Only a database role can be ended by revocation. The others end by themselves (`ttl-only`) or not at all (`by-hand`), and a
 * target must say that it accepts that: revoking their lease at Vault changes nothing where they are used.
 */
import { z } from 'zod';
import { Name } from '../wire/scalars.ts';
import { Duration } from './duration.ts';

/** The token may live this much longer than the hook, so that no credential ends under a hook that is still running. */
export const credentialMarginSeconds = 30;

const As = Name.describe('What the hook, the pages and the ledger call it; once in the target.');
const Mount = Name.describe('Mount of the secrets engine at Vault, such as database.');
const Role = Name.describe('Role at that mount; each role serves one target.');
const Life = Duration.describe(
  'Longest life of this credential where the engine gives more than credentials.vault.ttl, such as 15m of AWS STS. Default credentials.vault.ttl.',
).optional();

/** A path below a mount, without `..` or an empty part. */
const VaultPath = z
  .string()
  .max(255)
  .regex(
    /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*$/,
    'expected parts of letters, digits, _ . - with / between',
  );

export const CredentialRead = z.discriminatedUnion('kind', [
  z.strictObject({ as: As, kind: z.literal('database'), mount: Mount, role: Role }),
  z.strictObject({ as: As, kind: z.literal('aws'), mount: Mount, role: Role, life: Life }),
  z.strictObject({
    as: As,
    kind: z.literal('ssh'),
    mount: Mount,
    role: Role,
    life: Life,
    principals: z
      .array(Name)
      .min(1)
      .max(8)
      .describe('Names that the certificate lets in; the role at Vault must allow each.'),
  }),
  z.strictObject({
    as: As,
    kind: z.literal('pki'),
    mount: Mount,
    role: Role,
    life: Life,
    commonName: z
      .string()
      .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/, 'expected a host name')
      .describe('Subject of the certificate.'),
  }),
  z.strictObject({
    as: As,
    kind: z.literal('kv'),
    mount: Mount,
    path: VaultPath.describe('Path of the secret below a KV version 2 mount.'),
    field: Name.describe('Which field of the secret.'),
  }),
]);
export type CredentialRead = z.infer<typeof CredentialRead>;
export type CredentialKind = CredentialRead['kind'];
export const credentialKinds = [
  'database',
  'aws',
  'ssh',
  'pki',
  'kv',
] as const satisfies readonly CredentialKind[];
/** Credentials that one delivery reads at most. */
export const maxReads = 8;

export const endings = ['revocable', 'ttl-only', 'by-hand'] as const;
/**
 * How a credential ends: `revocable` when the delivery does, by revocation; `ttl-only` at its own time, whatever is revoked;
 * `by-hand` when a person replaces it.
 */
export type Ending = (typeof endings)[number];

export function endingOf(kind: CredentialKind): Ending {
  switch (kind) {
    case 'database':
      return 'revocable';
    // Vault's revocation of an STS session is a no-op; a signed certificate is no lease at all.
    case 'aws':
    case 'ssh':
    case 'pki':
      return 'ttl-only';
    case 'kv':
      return 'by-hand';
  }
}

/** Where at Vault the credential is asked for, below `/v1/`. */
export function readPathOf(read: CredentialRead): string {
  switch (read.kind) {
    case 'database':
    case 'aws':
      return `${read.mount}/creds/${read.role}`;
    case 'ssh':
      return `${read.mount}/sign/${read.role}`;
    case 'pki':
      return `${read.mount}/issue/${read.role}`;
    case 'kv':
      return `${read.mount}/data/${read.path}`;
  }
}

/** Whether Vault keeps a lease for it, below its read path: what the watchdog revokes and lists. */
export function hasLease(kind: CredentialKind): boolean {
  return kind === 'database' || kind === 'aws';
}

export const VaultCredentials = z
  .strictObject({
    jwtMount: Name.describe('Vault JWT auth mount of this target alone, such as jwt-prod-eu.'),
    jwtRole: Name,
    ttl: Duration.describe(
      'Longest life of the token and its leases; at least deliver.timeout and 30s.',
    ),
    reads: z
      .array(CredentialRead)
      .min(1)
      .max(maxReads)
      .describe('What a delivery reads, in this order; nothing else can be read.'),
    outlives: z
      .array(z.enum(['ttl-only', 'by-hand']))
      .max(2)
      .default([])
      .describe(
        'Accepts credentials that outlive the delivery: ttl-only (AWS STS, SSH and PKI certificates: end by themselves), by-hand (KV: end when a person replaces them). Default none.',
      ),
  })
  .superRefine(({ reads, outlives }, context) => {
    for (const [index, { as, kind }] of reads.entries()) {
      const add = (message: string): void => {
        context.addIssue({ code: 'custom', path: ['reads', index], message });
      };
      if (reads.findIndex((other) => other.as === as) !== index) {
        add(`"${as}" is the name of an earlier read; give each its own`);
      }
      const ending = endingOf(kind);
      if (ending !== 'revocable' && !outlives.includes(ending)) {
        add(
          `a credential of kind ${kind} outlives the delivery (${ending}); list ${ending} in outlives if this target accepts that`,
        );
      }
    }
  });
export type VaultCredentials = z.infer<typeof VaultCredentials>;
