import { z } from 'zod';
import { FilePath } from '@airlock/process/config';
import { IsolationMode } from '@airlock/common/wire/isolation';
import { ImageEntry } from './catalogue.ts';
import { EgressConfig } from './egress.ts';
import { BuildLimits, defaultLimits } from './limits.ts';

export const defaultAccounts = { first: 61_000, count: 64 };

/** The part of a builder's configuration that says how builds are kept apart; runner and rebuilder have the same. */
export const isolationConfig = {
  isolation: IsolationMode.default('bubblewrap').describe(
    'bubblewrap: every step in a sandbox. user: every job under an account of its own, as root only and without a filter of system calls, where bubblewrap does not work. podman: every step in a container of an image that is on this machine already. none: steps run as this user with everything it may do; refused unless AIRLOCK_DEMO=1 is in the environment. Default bubblewrap.',
  ),
  images: z
    .array(ImageEntry)
    .max(1000)
    .default([])
    .describe(
      'Catalogue: the images that steps may name; the first that matches counts, and the first of all is also what bash, sh, /bin/bash and /bin/sh lead to. Left out: none, and nothing starts.',
    ),
  limits: BuildLimits.default(defaultLimits).describe(
    'What a step may take of this machine, and a job of its disk.',
  ),
  accounts: z
    .strictObject({
      first: z.int().min(1000).max(2_000_000_000).describe('The first uid.'),
      count: z.int().min(1).max(100_000).describe('How many uids, as many as jobs run at a time.'),
    })
    .default(defaultAccounts)
    .describe(
      'For isolation: user, uids that nothing else on this machine has. Default 64 from 61000.',
    ),
  egress: EgressConfig.optional().describe(
    'Where steps may connect to, through a proxy that logs each decision. Left out: nowhere, and there is no network at all. Only with isolation: bubblewrap, or podman as root.',
  ),
  nodeBinary: FilePath.optional().describe(
    'A Node binary that steps of images with root: host find as /opt/node/bin/node, the same on all builders of a repository. Left out: only what /usr has.',
  ),
} as const;

export const IsolationConfig = z.object(isolationConfig);
export type IsolationConfig = z.infer<typeof IsolationConfig>;
