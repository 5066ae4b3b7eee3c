/** Configuration of who is who. The descriptions are the manual. */
import { FilePath } from '@airlock/process/config';
import { z } from 'zod';
import { actions, nouns } from './domain/group-required.ts';

const Address = z
  .string()
  .regex(
    /^(https:\/\/[a-z0-9.-]+(:\d{1,5})?|http:\/\/(127\.0\.0\.1|localhost)(:\d{1,5})?)(\/[\w.-]+)*$/,
    'expected https://host[:port][/path] without a slash at the end',
  );

export const AccountLinks = z
  .array(
    z.strictObject({
      provider: z.enum(['github', 'bitbucket']).describe('Kind of the forge.'),
      host: z
        .string()
        .regex(/^[a-z0-9.-]+$/)
        .describe(
          'Host in the clone URLs of its repositories, such as github.com: accounts count for these repositories alone.',
        ),
      site: Address.describe('Where people sign in: https://github.com or https://bitbucket.org.'),
      api: Address.describe(
        'Address of its API: https://api.github.com or https://api.bitbucket.org/2.0.',
      ),
      clientId: z
        .string()
        .regex(/^[\w.-]{1,255}$/)
        .describe(
          'Of the OAuth app, whose one callback address is <origin>/me/accounts/<host>/callback. It needs no scope at GitHub, and account (read) at Bitbucket.',
        ),
      clientSecretFile: FilePath.describe('Its secret, one line, mode 0600.'),
    }),
  )
  .refine((links) => new Set(links.map(({ host }) => host)).size === links.length, 'each host once')
  .default([])
  .describe(
    'Forges at which people can show that an account is theirs, so that their pull requests are members’. Default none.',
  );
export type LinkForgeSettings = z.infer<typeof AccountLinks>[number];

/** Names of groups exactly as the identity provider sends them. */
export const GroupNames = z.array(z.string().min(1).max(255)).max(50);

export const GroupRequiredSettings = z
  .partialRecord(z.enum(nouns), z.partialRecord(z.enum(actions), GroupNames))
  .default({})
  .describe(
    'Groups by noun and verb, one of which somebody must be in beside role and ownership, such as {"secret": {"edit": ["security"], "delete": []}}. It takes away and never adds; [] lets nobody, the platform role neither. Default none.',
  );
