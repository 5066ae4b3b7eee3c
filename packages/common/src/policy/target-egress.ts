/**
 * The part of a target file that says what a hook may reach. It has no network; each entry is one socket in its sandbox that
 * leads to one place. Where an entry names a credential, the gate's side of the socket authenticates with it (the credential
 * proxy), and the hook never sees it.
 */
import { z } from 'zod';
import { Name } from '../wire/scalars.ts';
import type { CredentialKind } from './target-credentials.ts';

const As = Name.describe('Name of the socket in the sandbox; once in the target.');
const Host = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,253}$/, 'expected a host name or an address, without brackets');
const Port = z.number().int().min(1).max(65_535);
const Ca = z
  .string()
  .regex(
    /^-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s-]+-----END CERTIFICATE-----\s*$/,
    'expected PEM certificates',
  )
  .describe('PEM of the only authorities that the certificate of the other side may come from.');
const CredentialName = Name.describe(
  'The `as` of the read that the proxy authenticates with. Left out, the hook authenticates itself.',
);

export const Egress = z.discriminatedUnion('kind', [
  z.strictObject({
    as: As,
    kind: z.literal('postgres'),
    host: Host,
    port: Port,
    name: z.string().min(1).max(63).describe('Name of the database.'),
    ca: Ca.optional().describe('As for https. Required unless host is a loopback address.'),
    credential: CredentialName.optional(),
  }),
  z.strictObject({
    as: As,
    kind: z.literal('https'),
    host: Host,
    port: Port,
    ca: Ca,
    methods: z
      .array(z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']))
      .min(1)
      .describe('Methods that pass.'),
    paths: z
      .array(z.string().regex(/^\/[A-Za-z0-9._~/-]*$/, 'expected a path such as /v1/deploys'))
      .min(1)
      .max(32)
      .describe('Paths that pass: exactly this one, or below it where it ends in /.'),
    credential: CredentialName.optional().describe(
      'A read of kind kv goes into `header`; one of kind pki is the client certificate.',
    ),
    header: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'expected the name of a header')
      .optional()
      .describe('Header that carries a credential of kind kv. Default Authorization.'),
    scheme: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9-]{0,31}$/, 'expected one word such as Bearer')
      .optional()
      .describe('Word before the value in that header, such as Bearer. Default none.'),
  }),
  z.strictObject({ as: As, kind: z.literal('tcp'), host: Host, port: Port }),
]);
export type Egress = z.infer<typeof Egress>;
export type EgressKind = Egress['kind'];

const proxied: Readonly<Record<EgressKind, readonly CredentialKind[]>> = {
  postgres: ['database'],
  https: ['kv', 'pki'],
  tcp: [],
};

/** The credential that the gate's side of this egress authenticates with; null when the hook does that itself. */
export function proxiedCredential(egress: Egress): string | null {
  return egress.kind === 'tcp' ? null : (egress.credential ?? null);
}

/** What is wrong with the egresses of a target, given its reads; empty when nothing is. */
export function egressFaults(
  egresses: readonly Egress[],
  reads: readonly { readonly as: string; readonly kind: CredentialKind }[],
): { readonly index: number; readonly message: string }[] {
  return egresses.flatMap((egress, index) => {
    const faults: string[] = [];
    if (egresses.findIndex(({ as }) => as === egress.as) !== index) {
      faults.push(`"${egress.as}" is the name of an earlier egress; give each its own`);
    }
    if (egress.kind === 'postgres' && egress.ca === undefined && !isLoopback(egress.host)) {
      faults.push(
        `${egress.host} is another machine: add ca, so that its certificate can be checked`,
      );
    }
    const name = proxiedCredential(egress);
    if (name !== null) {
      const kind = reads.find(({ as }) => as === name)?.kind;
      if (kind === undefined) {
        faults.push(`credential "${name}" is no read of this target; correct the name`);
      } else if (!proxied[egress.kind].includes(kind)) {
        faults.push(
          `a credential of kind ${kind} cannot authenticate ${egress.kind}; it takes ${proxied[egress.kind].join(' or ')}`,
        );
      }
    }
    return faults.map((message) => ({ index, message }));
  });
}

export function isLoopback(host: string): boolean {
  return host === '127.0.0.1' || host === '::1' || host === 'localhost';
}
