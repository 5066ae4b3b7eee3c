/** Where artifacts are kept, as every process that has them is configured. */
import { FilePath } from '@airlock/process/config';
import { z } from 'zod';

export const S3Settings = z.strictObject({
  endpoint: z
    .string()
    .regex(
      /^(?:https:\/\/[^/?#\s@]+|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?)$/,
      'expected https://host[:port] without a path; http:// on loopback only',
    )
    .describe('Address of the S3 service, such as https://s3.eu-central-1.amazonaws.com.'),
  region: z.string().min(1).max(64).describe('Region that requests are signed for.'),
  bucket: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'expected the name of a bucket')
    .describe('Bucket of this store alone; the name of every object is its SHA-256.'),
  credentialsFile: FilePath.describe(
    'JSON: {"accessKeyId": …, "secretAccessKey": …, "sessionToken": …?}. Read at every request.',
  ),
  caFile: FilePath.optional().describe('CA of the service (PEM). Default: those of Node.'),
  spoolDirectory: FilePath.describe(
    'Local disk with the room of one artifact for each at work: what is sent and received passes through here, unnamed.',
  ),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(300)
    .default(30)
    .describe('Longest silence on a connection, in seconds (1 to 300). Default 30.'),
  objectLock: z
    .strictObject({
      mode: z.enum(['COMPLIANCE', 'GOVERNANCE']),
      days: z.int().min(1).max(36_500),
    })
    .optional()
    .describe(
      'Retention set on every object that is put; the bucket must have been made with Object Lock. Default: none.',
    ),
});
export type S3Settings = z.infer<typeof S3Settings>;

export const ArtifactsSettings = z
  .union([
    z.strictObject({ directory: FilePath.describe('An OCI image layout, made at the first use.') }),
    z.strictObject({ s3: S3Settings }),
  ])
  .describe(
    'Where artifacts are kept by digest: {directory: PATH} or {s3: …}. The same in every process of one side; never shared between nonprod and the gate.',
  );
export type ArtifactsSettings = z.infer<typeof ArtifactsSettings>;
