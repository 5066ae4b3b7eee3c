/** Configuration of organisations whose repositories are found. The descriptions are the manual. */
import { z } from 'zod';
import { FilePath } from '@airlock/process/config';
import { GroupNames } from './people-config.ts';

const Organisation = z.strictObject({
  provider: z
    .enum(['github', 'gitlab', 'gitea', 'bitbucket'])
    .describe('Kind of the forge; gitea is Forgejo too.'),
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
      'Address of its API: https://api.github.com, https://gitlab.example/api/v4, https://gitea.example/api/v1, https://api.bitbucket.org/2.0. The token goes nowhere else.',
    ),
  organisation: z
    .string()
    .regex(/^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*){0,19}$/)
    .max(255)
    .describe(
      'Name of the organisation (GitHub, Gitea), full path of the group (GitLab, with its subgroups) or workspace (Bitbucket).',
    ),
  tokenFile: FilePath.describe('Token that may read the list of repositories, one line.'),
  add: z
    .array(
      z.strictObject({
        paths: z.string().min(1).max(255).describe('Glob over paths at the forge, such as shop/*.'),
        owners: GroupNames.default([]).describe(
          'Groups that own what this adds. What is private at the forge is added with owners alone, and is private here. Default none.',
        ),
      }),
    )
    .max(50)
    .default([])
    .describe(
      'Repositories that are added without being picked; the first that fits counts. Default none.',
    ),
});
export type OrganisationSettings = z.infer<typeof Organisation>;

export const Organisations = z
  .strictObject({
    everyMinutes: z
      .number()
      .min(1)
      .max(1440)
      .default(15)
      .describe('How often each is looked at, in minutes (1-1440). Default 15.'),
    list: z.array(Organisation).max(50).describe('Organisations, groups and workspaces.'),
  })
  .refine(({ list }) => new Set(list.map(sourceName)).size === list.length, {
    path: ['list'],
    message: 'one of them stands there twice',
  })
  .nullable()
  .default(null)
  .describe(
    'Organisations at forges whose repositories are found and offered at /found. null: none. Default null.',
  );

/** Such as github.com/shop. */
export function sourceName({
  host,
  organisation,
}: Pick<OrganisationSettings, 'host' | 'organisation'>): string {
  return `${host}/${organisation}`;
}
