/** Configuration of where runs come from. The descriptions are the manual. */
import { z } from 'zod';
import { FilePath } from '@airlock/process/config';
import { providers } from '@airlock/common/webhook/provider';

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
  hookRelay: z
    .strictObject({
      url: z
        .url({ protocol: /^https$/ })
        .describe('Listener of the relay for us (pull), such as https://hooks.dmz.example:26447.'),
      caFile: FilePath.describe('CA of that edge, PEM.'),
      certificateFile: FilePath.describe('Our certificate there, PEM, airlock:nonprod:web.'),
      keyFile: FilePath.describe('Its private key, PEM, mode 0600.'),
    })
    .nullable()
    .default(null)
    .describe(
      'Where webhooks are fetched from in an installation that forges cannot reach. null: nowhere. Default null.',
    ),
};
export type HookRelaySettings = NonNullable<WebhookSettings['hookRelay']>;
export type WebhookSettings = z.infer<z.ZodObject<typeof webhookSettings>>;

export const Forges = z
  .array(
    z.strictObject({
      provider: Provider.describe('Kind of the forge.'),
      host: z
        .string()
        .regex(/^[a-z0-9.-]+$/)
        .describe('Host in the clone URLs of its repositories, such as github.com.'),
      api: z
        .string()
        .regex(
          /^(https:\/\/[a-z0-9.-]+(:\d{1,5})?|http:\/\/(127\.0\.0\.1|localhost)(:\d{1,5})?)(\/[\w.-]+)*$/,
          'expected https://host[:port][/path] without a slash at the end',
        )
        .describe(
          'Address of its API: https://api.github.com, https://gitlab.example/api/v4, https://gitea.example/api/v1, https://api.bitbucket.org/2.0, https://bitbucket.example/rest. The token goes nowhere else.',
        ),
      tokenFile: FilePath.describe(
        'Token that may write commit statuses and nothing else, one line.',
      ),
    }),
  )
  .default([])
  .describe('Forges that are told how runs stand, as commit statuses. Default none.');
export type ForgeSettings = z.infer<typeof Forges>[number];

export const AddedRepositories = z
  .strictObject({
    mirrorsDirectory: FilePath.describe(
      'Mirrors of the repositories that people add, one directory each; the same in web and scheduler.',
    ),
    from: z
      .array(
        z
          .string()
          .max(512)
          .regex(
            /^(https?:\/\/[\w.@:-]+\/|ssh:\/\/[\w.@:-]+\/|file:\/\/\/|\/)([\w.~-]+\/)*$/,
            'expected the start of an address, with a slash at the end, such as https://github.com/shop/',
          ),
      )
      .min(1)
      .describe('Addresses that they may be fetched from, by how these begin.'),
  })
  .nullable()
  .default(null)
  .describe('Repositories beside the configured one. null: nobody adds any. Default null.');

export const RepositoryProvider = Provider.nullable()
  .default(null)
  .describe(
    'Which forge it lies at: github, gitlab, gitea (Forgejo too), bitbucket or bitbucket-server. null: a plain git server, that is polled. Default null.',
  );
