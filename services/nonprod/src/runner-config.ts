/** How runners come into nonprod, as the configuration of nonprod-web says it. */
import { z } from 'zod';
import { Name } from '@airlock/common/wire/scalars';
import { FilePath } from '@airlock/process/config';

const HttpsUrl = z
  .string()
  .regex(/^https:\/\/[A-Za-z0-9.-]+(:\d{1,5})?$/, 'expected https://host[:port] without a path');

const Executor = z
  .strictObject({
    pool: Name.describe(
      'Pool of trust 0 or 1 that stands in acceptByToken: nobody compares keys of machines that come and go.',
    ),
    command: z
      .array(z.string().min(1).max(4096))
      .min(1)
      .max(64)
      .describe(
        'Path of a program and its arguments, started without a shell and with PATH and HOME alone. Its standard input is JSON: pool, wanted, size, url, tokens. It starts one machine a token and ends with 0.',
      ),
    minimum: z
      .int()
      .min(0)
      .max(1000)
      .default(0)
      .describe('Runners that are kept when nothing waits (0-1000). Default 0.'),
    maximum: z
      .int()
      .min(1)
      .max(1000)
      .describe('Runners that there are at most, whatever waits (1-1000).'),
    spare: z
      .int()
      .min(0)
      .max(100)
      .default(0)
      .describe('Runners beyond one for each job (0-100). Default 0.'),
    size: z
      .string()
      .min(1)
      .max(64)
      .nullable()
      .default(null)
      .describe('Size of a machine, in words of the command’s, such as large. Default null.'),
    atOnce: z
      .int()
      .min(1)
      .max(100)
      .default(10)
      .describe('Most that one call starts (1-100). Default 10.'),
    timeoutSeconds: z
      .int()
      .min(1)
      .max(600)
      .default(120)
      .describe('How long one call may take, in seconds (1-600). Default 120.'),
  })
  .refine(({ minimum, maximum }) => minimum <= maximum, {
    path: ['minimum'],
    message: 'is above maximum',
  });
export type ExecutorSettings = z.infer<typeof Executor>;

export const RunnerEdgeSettings = z
  .strictObject({
    url: HttpsUrl.describe(
      'Where runners reach runnerApi, such as https://ci.example:26082. Told to each that is enrolled.',
    ),
    enrolment: z
      .strictObject({
        host: z.string().min(1).max(255).describe('Address to listen on, such as 127.0.0.1.'),
        port: z.int().min(1).max(65_535).describe('Port to listen on (1-65535).'),
        url: HttpsUrl.describe('Where runners reach it, such as https://ci.example:26086.'),
      })
      .describe(
        'Listener for runners that have a token and no certificate yet; TLS 1.3, with the certificate of runnerApi.',
      ),
    authority: z
      .strictObject({
        certificateFile: FilePath.describe(
          'Intermediate authority below runnerApi.caFile, PEM; airlock ca init makes both.',
        ),
        keyFile: FilePath.describe('Its private key, PEM (PKCS #8, ECDSA P-256), mode 0600.'),
      })
      .describe('What signs the certificates of runners. The key of the root is not kept here.'),
    certificateHours: z
      .number()
      .min(1)
      .max(168)
      .default(24)
      .describe(
        'How long the certificate of a runner holds, in hours (1-168); it is renewed at half of that. Default 24.',
      ),
    acceptByToken: z
      .array(Name)
      .default([])
      .describe(
        'Pools of trust 0 or 1 whose runners come in with their token alone. Everywhere else, and always from trust 2 on, somebody compares the fingerprint of the key first. Default none.',
      ),
    executors: z
      .array(Executor)
      .max(50)
      .refine((all) => new Set(all.map(({ pool }) => pool)).size === all.length, 'one a pool')
      .default([])
      .describe('What starts runners of one job each when jobs wait, one a pool. Default none.'),
    staleDays: z
      .int()
      .min(1)
      .max(365)
      .default(30)
      .describe('A runner not seen for so many days (1-365) is disabled. Default 30.'),
  })
  .refine(
    ({ executors, acceptByToken }) => executors.every(({ pool }) => acceptByToken.includes(pool)),
    { path: ['executors'], message: 'name a pool that does not stand in acceptByToken' },
  )
  .describe('How runners come, renew and go.');
export type RunnerEdgeSettings = z.infer<typeof RunnerEdgeSettings>;
