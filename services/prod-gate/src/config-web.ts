/** Configuration of the gate's pages. It names no Vault, no mirror and no hook's sandbox, so that the process reaches none. */
import { ArtifactsSettings } from '@airlock/artifacts/settings';
import { FilePath } from '@airlock/process/config';
import { RotateEvery } from '@airlock/process/credential-age';
import { DatabaseSettings, RedisSettings } from '@airlock/process/settings';
import { MachineListener } from '@airlock/process/machine-server';
import { FiguresListen, SecurityContact, WebListen } from '@airlock/web/listen-settings';
import { ManualSettings } from '@airlock/web/manual';
import { SamlSettings } from '@airlock/web/saml/settings';
import { z } from 'zod';
import { GateFilesSettings } from './adapters/files/gate-files.ts';
import { GateOrigin } from './config.ts';

export const WebConfig = z.strictObject({
  origin: GateOrigin,
  listen: WebListen,
  securityContact: SecurityContact,
  figures: FiguresListen,
  rotateEvery: RotateEvery,
  database: DatabaseSettings.describe('The gate database, with the role gate_web.'),
  redis: RedisSettings,
  files: GateFilesSettings,
  ledgerKeyFile: FilePath.describe('ledger.vkey: the verifier key of the gate’s ledger, one line.'),
  artifacts: ArtifactsSettings,
  assetsDirectory: FilePath.describe('Style sheet, scripts and icons, as the build made them.'),
  manual: ManualSettings,
  saml: SamlSettings,
  rebuilds: z
    .strictObject({
      listener: MachineListener.describe(
        'Listener for rebuilders: TLS 1.3, mutual, a CA of this edge alone; its certificate carries airlock:gate:rebuilds.',
      ),
      rebuilders: z
        .array(
          z.strictObject({
            identity: z
              .string()
              .min(1)
              .max(256)
              .describe(
                'The one URI name in its client certificate, such as airlock:rebuilder:audit.',
              ),
            builderId: z
              .string()
              .min(1)
              .max(1024)
              .describe('Its builder.id, exactly as target files list it and trust rows pin it.'),
          }),
        )
        .min(1)
        .refine((list) => new Set(list.map(({ identity }) => identity)).size === list.length, {
          message: 'the same identity stands here twice',
        })
        .describe('Every rebuilder that may call; a certificate alone is not enough.'),
    })
    .nullable()
    .default(null)
    .describe(
      'Where builders of other administrators ask what to build again. Default null: nobody does, and bytes rest on one builder.',
    ),
  nonprodOrigin: z
    .string()
    .regex(
      /^https?:\/\/[a-z0-9.-]+(:\d{1,5})?(\/[a-z0-9_-]+)*$/,
      'expected https://host[:port], with a path where it lies below one',
    )
    .nullable()
    .default(null)
    .describe(
      'Address of the non-prod CI as its own configuration has it, which pages link to and nothing connects to. Default null: no links.',
    ),
});
export type WebConfig = z.infer<typeof WebConfig>;
