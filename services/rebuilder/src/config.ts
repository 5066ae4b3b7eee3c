import { z } from 'zod';
import { isolationConfig } from '@airlock/build/isolation/config';
import { FilePath } from '@airlock/process/config';

export const RebuilderConfig = z.strictObject({
  gate: z
    .strictObject({
      url: z
        .url({ protocol: /^https$/ })
        .describe("The gate's listener for rebuilders, such as https://127.0.0.1:26085."),
      caFile: FilePath.describe('CA of the rebuild edge, PEM.'),
      certificateFile: FilePath.describe(
        "This rebuilder's certificate, PEM; its one URI name is the one that the gate lists.",
      ),
      keyFile: FilePath.describe('Private key of that certificate, PEM, mode 0600.'),
      serverIdentity: z
        .string()
        .default('airlock:gate:rebuilds')
        .describe("URI name in the gate's certificate. Default airlock:gate:rebuilds."),
    })
    .describe('Where it is asked what to build. It connects to nothing else but the git server.'),
  builder: z
    .strictObject({
      id: z
        .url({ protocol: /^https?$/ })
        .max(1024)
        .describe('Its builder.id, as target files list it and a trust row of the gate pins it.'),
      keyFile: FilePath.describe(
        'Its own private key for provenance, PEM (PKCS #8, ECDSA P-256 or Ed25519), mode 0600. Never the TLS key, never a key of another builder.',
      ),
    })
    .describe('Who says what was built.'),
  repositories: z
    .array(
      z.strictObject({
        repository: z
          .string()
          .min(1)
          .max(1024)
          .describe('Exact URL of the repository, as it stands in statements and target files.'),
        url: z
          .string()
          .min(1)
          .max(1024)
          .optional()
          .describe('Where to fetch it from when that is another address. Default: repository.'),
        name: z
          .string()
          .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/)
          .describe('Name that steps find in CI_REPO, the same as at nonprod, such as shop/web.'),
        mirrorDirectory: FilePath.describe("The rebuilder's own mirror of main, made if absent."),
        protocols: z
          .array(z.enum(['https', 'ssh', 'file', 'http']))
          .min(1)
          .default(['https'])
          .describe('Transports that git may use for it. Default: https alone.'),
      }),
    )
    .min(1)
    .refine((list) => new Set(list.map(({ repository }) => repository)).size === list.length, {
      message: 'the same repository stands here twice',
    })
    .describe('Every repository that it builds; what the gate asks for beyond these is not built.'),
  workDirectory: FilePath.describe(
    'Directory for the workspaces of builds, made if absent. What a crash left in it is removed at start.',
  ),
  ...isolationConfig,
  timeoutSeconds: z
    .int()
    .min(1)
    .max(86_400)
    .default(3600)
    .describe('Longest build, all steps together, in seconds (1 to 86400). Default 3600.'),
  maxArtifactBytes: z
    .int()
    .min(1)
    .max(64 * 1024 ** 3)
    .default(1024 ** 3)
    .describe('Largest artifact that is made or compared, in bytes. Default 1 GiB.'),
  pollSeconds: z
    .number()
    .min(0.2)
    .max(300)
    .default(5)
    .describe('Pause between two questions for work, in seconds (0.2 to 300). Default 5.'),
});
export type RebuilderConfig = z.infer<typeof RebuilderConfig>;
