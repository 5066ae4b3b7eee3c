import { FilePath } from '@airlock/process/config';
import { z } from 'zod';

/** One service's side of SAML. Metadata is pinned in files and never fetched. */
export const SamlSettings = z.strictObject({
  entityId: z
    .string()
    .min(1)
    .describe(
      'Entity id of this service, as the identity provider knows it; not the same for nonprod and gate.',
    ),
  idp: z.strictObject({
    entityId: z
      .string()
      .min(1)
      .describe('Entity id of the identity provider, compared exactly with every Issuer.'),
    signInUrl: z.url().describe('Where sign-in requests go (HTTP redirect binding).'),
    certificateFile: FilePath.describe(
      'The certificate (PEM) whose key signs responses and assertions.',
    ),
  }),
  keyFile: FilePath.describe(
    "This service's RSA key (PEM) that signs sign-in requests, mode 0600.",
  ),
  certificateFile: FilePath.describe('Its certificate (PEM), to give to the identity provider.'),
});
export type SamlSettings = z.infer<typeof SamlSettings>;
