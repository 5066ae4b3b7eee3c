/**
 * The gate's own copies of the repositories that its targets admit, one bare mirror of main each. Intake fetches them;
 * authority and deliverer read the same directories and never fetch.
 */
import { createMirror, type Mirror as GitMirror } from '@airlock/git/mirror';
import { FilePath } from '@airlock/process/config';
import { z } from 'zod';
import type { Mirror } from '../../app/intake-ports.ts';

export const MirrorSettings = z.strictObject({
  repository: z
    .string()
    .min(1)
    .describe('URL of the repository exactly as target files and provenance name it.'),
  url: z
    .string()
    .min(1)
    .optional()
    .describe('Where to fetch it from when that is another address. Default: repository.'),
  directory: FilePath.describe('Directory of the bare mirror; made when it is not there.'),
  protocols: z
    .array(z.enum(['https', 'ssh', 'http', 'file']))
    .min(1)
    .default(['https'])
    .describe('Transports that git may use for it. Default: https alone.'),
  allowedSignersFile: FilePath.optional().describe(
    'ssh allowed_signers file of those whose commit signatures count. Needed where a target demands signed commits.',
  ),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(3600)
    .default(120)
    .describe('Longest run of one git command, in seconds (1 to 3600). Default 120.'),
});
export type MirrorSettings = z.infer<typeof MirrorSettings>;

/** The mirror of a repository, by its exact URL; undefined when none is configured. */
export function createMirrors(
  settings: readonly MirrorSettings[],
): (repository: string) => Mirror | undefined {
  const mirrors = new Map<string, Mirror>(
    settings.map((one) => [
      one.repository,
      portOf(
        createMirror({
          directory: one.directory,
          url: one.url ?? one.repository,
          refspecs: ['refs/heads/main:refs/heads/main'],
          protocols: one.protocols,
          timeoutMs: one.timeoutSeconds * 1000,
          ...(one.allowedSignersFile === undefined
            ? {}
            : { allowedSignersFile: one.allowedSignersFile }),
        }),
      ),
    ]),
  );
  return (repository) => mirrors.get(repository);
}

function portOf(mirror: GitMirror): Mirror {
  return {
    fetch: () => mirror.fetch(),
    commitFacts: (commit, paths) => mirror.commitFacts(commit, [...paths]),
    log: (range) => mirror.log(range),
    changedFiles: (range) => mirror.changedFiles(range),
  };
}
