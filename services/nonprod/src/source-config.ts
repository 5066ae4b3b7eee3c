/** Configuration of where runs come from. The descriptions are the manual. */
import { z } from 'zod';
import { FilePath } from '@airlock/process/config';
import { providers } from './domain/webhook/forge-event.ts';

const Provider = z.enum(providers);

export const webhookSettings = {
  webhooks: z
    .array(
      z.strictObject({
        provider: Provider.describe('Path of the hook: POST /hooks/git/<provider>.'),
        secretFile: FilePath.describe(
          'Shared secret of the webhook, one line, 16 characters or more.',
        ),
      }),
    )
    .default([])
    .describe(
      'Webhooks of the whole installation, such as of a GitHub App: the payload says which repository it is about. Default none.',
    ),
  webhookKeyFile: FilePath.nullable()
    .default(null)
    .describe(
      'Key of 32 bytes or more from which each repository’s webhook secret is derived (POST /hooks/git/<provider>/<repository>). Another key makes all of them void. null: repositories have no webhook of their own. Default null.',
    ),
};
export type WebhookSettings = z.infer<z.ZodObject<typeof webhookSettings>>;

export const RepositoryProvider = Provider.nullable()
  .default(null)
  .describe(
    'Which forge it lies at: github, gitlab, gitea (Forgejo too), bitbucket or bitbucket-server. null: a plain git server, that is polled. Default null.',
  );
