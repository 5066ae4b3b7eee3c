/** Who signs people in: an identity provider by SAML, a proxy that proves itself, or, where both are named on purpose, each. */
import type { WebListen } from '@airlock/web/listen-settings';
import { z } from 'zod';

/** A name that browsers send nothing by, so that a proxy which forgets to set it passes nothing on that means anything. */
const HeaderName = z
  .string()
  .max(64)
  .regex(
    /^(x|remote)(-[a-z0-9]+)+$/,
    'expected a header such as x-auth-request-user or remote-user, in small letters',
  );

export const ProxySettings = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'expected small letters, digits and hyphens')
    .describe('Name of the proxy in the log and beside the people whom it signed in.'),
  certificateSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'expected 64 small hexadecimal digits')
    .describe(
      'SHA-256 of the client certificate (DER) by which the proxy proves itself. Its key is the proxy’s alone: one that a certificate of this service has too proves nothing.',
    ),
  headers: z
    .strictObject({
      user: HeaderName.describe('Whose name stands in it, as SAML would name them.'),
      mail: HeaderName.nullable()
        .default(null)
        .describe('Mail address, shown as the person’s name. Default null: the user is shown.'),
      groups: HeaderName.describe('Groups, with commas between them; left out by the proxy: none.'),
    })
    .refine(
      ({ user, mail, groups }) => new Set([user, mail, groups]).size === 3,
      'the same header stands here twice',
    )
    .describe('Believed on connections of that certificate alone, and never twice in a request.'),
});
export type ProxySettings = z.infer<typeof ProxySettings>;

export const SignInSettings = z
  .strictObject({
    proxy: ProxySettings.nullable()
      .default(null)
      .describe('Signs people in by headers. It needs listen.tls. Default null: no header counts.'),
    alsoBySaml: z
      .boolean()
      .default(false)
      .describe('Whether saml stands beside the proxy on purpose. Default false.'),
  })
  .default({ proxy: null, alsoBySaml: false })
  .describe('Signing in otherwise than by SAML.');

/** Beside the schema of the whole file, because it is about several of its settings. */
export function requireOneSignIn(
  {
    saml,
    signIn,
    listen,
  }: {
    readonly saml: object | null;
    readonly signIn: z.infer<typeof SignInSettings>;
    readonly listen: WebListen;
  },
  context: z.RefinementCtx,
): void {
  const refuse = (path: string[], message: string): void => {
    context.addIssue({ code: 'custom', path, message });
  };
  if (signIn.proxy === null) {
    if (saml === null) refuse(['saml'], 'nobody could sign in; configure saml or signIn.proxy');
    if (signIn.alsoBySaml) refuse(['signIn', 'alsoBySaml'], 'there is no signIn.proxy; remove it');
    return;
  }
  if ((listen.tls ?? null) === null)
    refuse(['listen', 'tls'], 'signIn.proxy proves itself by a certificate; configure tls here');
  if (saml !== null && !signIn.alsoBySaml)
    refuse(
      ['signIn', 'alsoBySaml'],
      'saml and signIn.proxy both sign people in; remove one, or write true here',
    );
  if (saml === null && signIn.alsoBySaml)
    refuse(['signIn', 'alsoBySaml'], 'there is no saml; remove it, or configure saml');
}
