import { z } from 'zod';
import { FilePath } from '@airlock/process/config';

const BuilderId = z.url({ protocol: /^https?$/ }).max(1024);

/** One key; in a rotation two, which both sign everything, so that no release falls between them. */
const KeyFiles = z.union([FilePath, z.array(FilePath).min(1).max(2)]);

export const SignerConfig = z.strictObject({
  socketPath: FilePath.describe(
    'Unix socket to listen on, made with mode 0600: who may open it may ask for signatures. At most 100 bytes.',
  ).refine((path) => Buffer.byteLength(path) <= 100, {
    message:
      'longer than 100 bytes, which is what a unix socket can have; choose a shorter directory',
  }),
  git: z
    .strictObject({
      url: z.string().min(1).max(1024).describe('Where main is fetched from.'),
      mirrorDirectory: FilePath.describe("The signer's own mirror, made if absent."),
      protocols: z
        .array(z.enum(['https', 'ssh', 'file', 'http']))
        .min(1)
        .describe('Protocols that git may use; [https] or [ssh] in production.'),
      isolation: z
        .enum(['bubblewrap', 'none'])
        .default('bubblewrap')
        .describe(
          'bubblewrap: git reads the mirror in a sandbox without a network. none: as this user, for machines without bubblewrap. Default bubblewrap.',
        ),
      timeoutSeconds: z
        .int()
        .min(1)
        .max(120)
        .default(12)
        .describe(
          'How long main may take to be fetched before a signature, in seconds (1 to 120). Default 12; after it the signature is refused.',
        ),
    })
    .describe("The signer's own view of main. Never nonprod's mirror."),
  repository: z
    .string()
    .min(1)
    .max(1024)
    .describe('Exact URL of the one repository that is signed for, as it stands in statements.'),
  builderIds: z
    .strictObject({
      main: BuilderId.describe('builder.id of main builds, pinned by the gate.'),
      pr: BuilderId.describe('builder.id of every other build; no target accepts it.'),
    })
    .refine(({ main, pr }) => main !== pr, {
      message: 'main and pr are the same; each trust level has its own builder id',
    })
    .describe('Builder ids, such as https://nonprod.example/builders/main@v1.'),
  runnersFile: FilePath.describe(
    'Pinned keys of the runners, JSON {version: 1, runners: [{runner, keyid, publicKeyPem, alg, roles: ["run"], builderIds, notBefore, notAfter, revokedAt?}]}. Read when the signer starts. What no runner of this file attests is not signed.',
  ),
  isolation: z
    .enum(['bubblewrap', 'none'])
    .default('bubblewrap')
    .describe(
      'bubblewrap: a run that a runner built without a sandbox is not signed. none: it is signed; refused unless AIRLOCK_DEMO=1 is in the environment. Default bubblewrap.',
    ),
  keys: z
    .strictObject({
      main: KeyFiles.describe('Private key for provenance of main builds.'),
      pr: KeyFiles.describe('Private key for provenance of other builds.'),
      test: KeyFiles.describe('Private key for test results.'),
      promotion: KeyFiles.describe('Private key for promotion requests.'),
    })
    .describe(
      'Different keys, PEM (PKCS #8, ECDSA P-256 or Ed25519), mode 0600. While one is rotated, [old file, new file] signs with both.',
    ),
});
export type SignerConfig = z.infer<typeof SignerConfig>;
