import { FilePath } from '@airlock/process/config';
import { z } from 'zod';
import { withBreaker } from './breaker.ts';
import { createKeyFileKek } from './key-file-kek.ts';
import type { KekProvider } from './kek-provider.ts';
import { createTransitClient } from './transit-client.ts';
import { createTransitKek } from './transit-kek.ts';

const PathSegment = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/);

export const KeeperSettings = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('key-files'),
      directory: FilePath.describe(
        'Directory of the key files: 1.key, 2.key, …, 32 random bytes and mode 0600 each. The highest number is the current version. Keep a copy apart from the database’s backups.',
      ),
    }),
    z.strictObject({
      kind: z.literal('vault-transit'),
      address: z
        .string()
        .regex(/^https?:\/\/[^/?#@\s]+$/, 'expected https://host:port without a path')
        .describe(
          'Nonprod’s own Vault or OpenBao, as https://host:port; never the one that the gate uses. http:// only on 127.0.0.1 or [::1].',
        ),
      caFile: FilePath.optional().describe(
        'PEM file with the only certificate authority that its certificate may come from. Required with https.',
      ),
      requestTimeoutSeconds: z
        .int()
        .min(1)
        .max(60)
        .default(5)
        .describe('How long one request may take, in seconds (1-60). Default 5.'),
      mount: PathSegment.default('transit').describe('Mount of the Transit engine.'),
      key: PathSegment.default('airlock-np').describe(
        'Name of the key, made with derived=true. Default airlock-np.',
      ),
      identity: z
        .strictObject({
          mount: PathSegment.default('approle').describe('Mount of the AppRole. Default approle.'),
          roleIdFile: FilePath.describe('File with the role id, one line.'),
          secretIdFile: FilePath.describe(
            'File with the secret id, one line, mode 0600; read anew for each login.',
          ),
        })
        .describe('An AppRole that may encrypt, decrypt and rewrap with that key, and read it.'),
    }),
  ])
  .describe('Who keeps the key under which every project’s key is wrapped.');
export type KeeperSettings = z.infer<typeof KeeperSettings>;

/** @throws ConfigurationError when the way to the keeper would be unsafe. Whether it answers is not asked here. */
export function openKeeper(settings: KeeperSettings): KekProvider {
  if (settings.kind === 'key-files') return createKeyFileKek(settings.directory);
  const { mount, key } = settings;
  const kek = createTransitKek({ client: createTransitClient(settings), mount, key });
  return withBreaker(kek, () => performance.now());
}
