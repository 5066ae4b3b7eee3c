import { z } from 'zod';
import { FilePath } from '@airlock/process/config';
import { Network } from '@airlock/process/networks';

const Port = z.int().min(1).max(65_535);

/** Where browsers, or the proxy in front of them, connect to. */
export const WebListen = z
  .strictObject({
    host: z.string().min(1).max(255).describe('Address to listen on, such as 127.0.0.1.'),
    port: Port.describe('Port to listen on (1-65535).'),
    allowFrom: z
      .array(Network)
      .min(1)
      .max(100)
      .nullable()
      .default(null)
      .describe(
        'Networks such as 10.1.0.0/16 that may connect; a connection from elsewhere is closed before a byte of it is read. Default null: from everywhere.',
      ),
    proxies: z
      .array(Network)
      .max(20)
      .default([])
      .describe(
        'Networks of proxies in front, exact: X-Forwarded-For of a connection from them says whose request it is, in limits, records and the networks of tokens. No other forwarded header ever counts. Default none: the address of the connection counts.',
      ),
    tls: z
      .strictObject({
        certificateFile: FilePath.describe(
          'PEM, the server’s own certificate first. Read again within a minute of a change.',
        ),
        keyFile: FilePath.describe('PEM, the key of that certificate.'),
        clientCaFile: FilePath.nullable()
          .default(null)
          .describe(
            'Certificate authorities, PEM; who shows no client certificate of theirs gets no answer. Read again within a minute of a change. Default null: no certificate is asked for.',
          ),
        redirectPort: Port.nullable()
          .default(null)
          .describe(
            'Port for plain HTTP that leads browsers to HTTPS and refuses everything else. Default null: none.',
          ),
      })
      .nullable()
      .default(null)
      .describe('HTTPS by this process. Default null: plain HTTP, and TLS ends in front of it.'),
  })
  .describe('Listener for people.');
type Settings = z.infer<typeof WebListen>;
export type WebListen = Pick<Settings, 'host' | 'port'> & Partial<Settings>;
export type WebTls = NonNullable<Settings['tls']>;

/** Where Prometheus on this machine, or an agent of it, reads figures. */
export const FiguresListen = z
  .strictObject({
    host: z
      .enum(['127.0.0.1', '::1'])
      .default('127.0.0.1')
      .describe('Address of this machine alone. Default 127.0.0.1.'),
    port: Port.describe('Port of /metrics, /livez and /readyz (1-65535).'),
  })
  .nullable()
  .default(null)
  .describe('Figures for Prometheus, without a sign-in. Default null: there are none.');
export type FiguresListen = z.infer<typeof FiguresListen>;

/** Who is told of a vulnerability (RFC 9116). */
export const SecurityContact = z
  .strictObject({
    contacts: z
      .array(
        z
          .string()
          .max(500)
          .regex(/^(https:\/\/|mailto:|tel:)\S+$/, 'expected mailto:, https:// or tel:'),
      )
      .min(1)
      .max(10)
      .describe('Such as mailto:security@company.example; the first is preferred.'),
    policy: z
      .string()
      .max(500)
      .regex(/^https:\/\/\S+$/, 'expected https://')
      .optional()
      .describe('Where it says how reports are handled.'),
  })
  .nullable()
  .default(null)
  .describe(
    'Shown at /.well-known/security.txt of the site. Default null: there is no such file, and the doctor says so.',
  );
export type SecurityContact = z.infer<typeof SecurityContact>;
