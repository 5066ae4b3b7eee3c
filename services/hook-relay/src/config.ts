import { z } from 'zod';
import { providers } from '@airlock/common/webhook/provider';
import { FilePath } from '@airlock/process/config';
import { MachineListener } from '@airlock/process/machine-server';
import { Network } from '@airlock/process/networks';

export const RelayConfig = z.strictObject({
  listen: z
    .strictObject({
      host: z.string().min(1).max(255).describe('Address to listen on for forges.'),
      port: z.int().min(1).max(65_535).describe('Port to listen on (1-65535).'),
      tls: z
        .strictObject({
          certificateFile: FilePath.describe('Certificate and its chain, PEM.'),
          keyFile: FilePath.describe('Its private key, PEM, mode 0600.'),
        })
        .nullable()
        .default(null)
        .describe('null: TLS is ended in front. Default null.'),
      proxies: z
        .array(Network)
        .default([])
        .describe(
          'Networks of proxies in front, whose X-Forwarded-For is believed. Default none: the address of the connection counts.',
        ),
    })
    .describe('Listener for forges.'),
  hooks: z
    .array(
      z.strictObject({
        provider: z.enum(providers).describe('Path of the hook: /hooks/git/<provider>.'),
        repository: z
          .string()
          .regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/)
          .nullable()
          .default(null)
          .describe(
            'And /<repository>, as it is named at nonprod. null: the hook of the whole installation. Default null.',
          ),
        secretFile: FilePath.describe('The same secret as at nonprod, one line.'),
        from: z
          .array(Network)
          .min(1)
          .describe(
            'Networks that it comes from, such as 192.30.252.0/22. Everybody: 0.0.0.0/0 and ::/0.',
          ),
      }),
    )
    .min(1)
    .describe('Every webhook that is taken; there is nothing at any other address.'),
  pull: MachineListener.describe(
    'Listener for nonprod: TLS 1.3, mutual; its certificate carries airlock:hook-relay, and only airlock:nonprod:web may call.',
  ),
  spool: z
    .strictObject({
      directory: FilePath.describe('Where deliveries wait to be fetched; made if absent.'),
      maxBytes: z
        .int()
        .min(16 * 1024 ** 2)
        .max(64 * 1024 ** 3)
        .default(1024 ** 3)
        .describe('How much may wait, in bytes (16 MiB to 64 GiB). Default 1 GiB.'),
    })
    .describe('The disk between the two.'),
});
export type RelayConfig = z.infer<typeof RelayConfig>;
