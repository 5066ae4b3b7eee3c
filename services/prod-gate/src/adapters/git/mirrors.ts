/**
 * The gate's own copies of the repositories that its targets admit, one bare mirror of main each. Intake fetches them;
 * authority and deliverer read the same directories and never fetch.
 */
import { judgeCommitSignature } from '@airlock/common/trust/commit-signature';
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
  isolation: z
    .enum(['bubblewrap', 'none'])
    .default('bubblewrap')
    .describe(
      'bubblewrap: git reads the mirror in a sandbox without a network; only fetching has one. none: as this user, for machines without bubblewrap. Default bubblewrap.',
    ),
  maxBytes: z
    .int()
    .min(1024 ** 2)
    .max(1024 ** 4)
    .default(5 * 1024 ** 3)
    .describe('What the mirror may hold, in bytes (1 MiB to 1 TiB). Default 5 GiB.'),
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
          isolation: one.isolation,
          maxBytes: one.maxBytes,
          timeoutMs: one.timeoutSeconds * 1000,
        }),
      ),
    ]),
  );
  return (repository) => mirrors.get(repository);
}

function portOf(mirror: GitMirror): Mirror {
  return {
    fetch: () => mirror.fetch(),
    mainHead: () => mirror.mainHead(),
    acceptRewrite: (rewrite) => mirror.acceptRewrite(rewrite),
    commitFacts: (commit, paths) => mirror.commitFacts(commit, [...paths]),
    async signature(commit, given) {
      const object = await mirror.commitObject(commit);
      return object === null
        ? { signed: false, reason: 'is not in the mirror' }
        : judgeCommitSignature({ commit, object, ...given });
    },
    commitObject: (commit) => mirror.commitObject(commit),
    log: (range) => mirror.log(range),
    reverts: (range) => mirror.reverts(range),
    changedFiles: (range) => mirror.changedFiles(range),
    readBlob: (commit, path) => mirror.readBlob(commit, path),
    listFiles: (commit, directory) => mirror.listFiles(commit, directory),
    allFiles: (commit) => mirror.allFiles(commit),
  };
}
