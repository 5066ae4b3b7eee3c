/** Signed requests to one S3 bucket. What comes back is bytes to judge; nothing here trusts a checksum of the server. */
import { AwsV4Signer } from 'aws4fetch';
import { readFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { S3Settings } from './settings.ts';
import { ArtifactError } from './spool.ts';

export type S3Request = {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  /** Within the bucket; empty for the bucket itself. */
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called anew for every attempt. */
  readonly body?: () => AsyncIterable<Uint8Array>;
};

export type S3Client = {
  /**
   * Sends a request and answers with what came, whatever its status below 500; 5xx and broken connections are tried three
   * times. The caller reads the body to its end or destroys the response.
   *
   * @throws ArtifactError `artifact-store-failed`
   */
  send(request: S3Request): Promise<IncomingMessage>;
  /** Ends a response that is not what was asked for. @throws ArtifactError, always. */
  refuse(response: IncomingMessage, what: string): Promise<never>;
};

const Credentials = z.strictObject({
  accessKeyId: z.string().min(1),
  secretAccessKey: z.string().min(1),
  sessionToken: z.string().min(1).optional(),
});

const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const attempts = 3;
const maxErrorBytes = 64 * 1024;
/** How S3 and its relatives say that nothing more fits. */
const fullCodes: ReadonlySet<string> = new Set([
  'QuotaExceeded',
  'InsufficientStorage',
  'XMinioStorageFull',
  'XMinioAdminBucketQuotaExceeded',
]);

export function createS3Client(settings: S3Settings): S3Client {
  const bucket = `${settings.endpoint}/${settings.bucket}`;

  async function once(request: S3Request): Promise<IncomingMessage> {
    const url = new URL(request.key === '' ? bucket : `${bucket}/${request.key}`);
    for (const [name, value] of Object.entries(request.query ?? {})) {
      url.searchParams.set(name, value);
    }
    // Read each time, so that rotated credentials hold without a restart.
    const { accessKeyId, secretAccessKey, sessionToken } = await readCredentials(settings);
    const signer = new AwsV4Signer({
      method: request.method,
      url: url.href,
      headers: { 'x-amz-content-sha256': emptySha256, ...request.headers },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: 's3',
      region: settings.region,
    });
    const signed = await signer.sign();
    const headers = Object.fromEntries(signed.headers.entries());
    const ca = settings.caFile === undefined ? undefined : await readFile(settings.caFile);
    const send = signed.url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      // Redirects are not followed: the signature and the bytes are for this address alone.
      const outgoing = send(
        signed.url,
        {
          method: request.method,
          headers,
          timeout: settings.timeoutSeconds * 1000,
          ...(ca === undefined ? {} : { ca }),
        },
        resolve,
      );
      outgoing.on('timeout', () => {
        outgoing.destroy(new Error(`no answer within ${settings.timeoutSeconds} s`));
      });
      outgoing.on('error', reject);
      if (request.body === undefined) outgoing.end();
      // Its failure is the request's, which is heard above.
      else pipeline(Readable.from(request.body()), outgoing).catch(reject);
    });
  }

  async function refuse(response: IncomingMessage, what: string): Promise<never> {
    const { code, message } = await readError(response);
    const status = response.statusCode ?? 0;
    const isFull = fullCodes.has(code) || status === 507;
    const mend = isFull
      ? 'raise the quota or remove what is no longer needed'
      : status >= 300 && status < 400
        ? 'correct endpoint and region in the configuration; redirects are not followed'
        : status === 403 || status === 401
          ? `check the credentials in ${settings.credentialsFile} and what they may do in the bucket`
          : 'look at the log of the S3 server';
    throw new ArtifactError(
      isFull ? 'artifact-store-full' : 'artifact-store-failed',
      `S3 ${bucket}: ${what} answered ${status}${code === '' ? '' : ` ${code}`}${message === '' ? '' : ` (${message})`}; ${mend}`,
    );
  }

  return {
    refuse,
    async send(request) {
      for (let attempt = 1; ; attempt += 1) {
        const last = attempt === attempts;
        try {
          const response = await once(request);
          if ((response.statusCode ?? 0) < 500) return response;
          if (last) return await refuse(response, `${request.method} ${request.key}`);
          response.destroy();
        } catch (cause) {
          if (cause instanceof ArtifactError) throw cause;
          if (last) {
            const reason = cause instanceof Error ? cause.message : String(cause);
            throw new ArtifactError(
              'artifact-store-failed',
              `S3 ${bucket} cannot be reached (${reason}); check endpoint, network and that it runs`,
              { cause },
            );
          }
        }
        await sleep(100 * 2 ** attempt);
      }
    },
  };
}

async function readCredentials(settings: S3Settings): Promise<z.infer<typeof Credentials>> {
  try {
    return Credentials.parse(JSON.parse(await readFile(settings.credentialsFile, 'utf8')));
  } catch (cause) {
    throw new ArtifactError(
      'artifact-store-failed',
      `${settings.credentialsFile} cannot be read as {"accessKeyId": …, "secretAccessKey": …}; correct the file`,
      { cause: cause instanceof z.ZodError ? undefined : cause },
    );
  }
}

/** The whole of a short body. @throws ArtifactError when it is longer. */
export async function readBody(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of bodyOf(response)) {
    size += chunk.length;
    if (size > maxBytes) {
      response.destroy();
      throw new ArtifactError(
        'artifact-store-failed',
        `S3 answered with more than ${maxBytes} bytes`,
      );
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The bytes of a body as they come. @throws ArtifactError `artifact-store-failed` when it breaks off. */
export async function* bodyOf(response: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of response) {
      // Without setEncoding a response gives Buffers; the stream's type does not say so.
      yield chunk as Buffer;
    }
  } catch (cause) {
    throw new ArtifactError('artifact-store-failed', 'S3 broke off in the middle of a body', {
      cause,
    });
  }
}

async function readError(response: IncomingMessage): Promise<{ code: string; message: string }> {
  const body = await readBody(response, maxErrorBytes).catch(() => Buffer.alloc(0));
  const text = body.toString('utf8');
  return {
    code: xmlText(text, 'Code') ?? '',
    message: (xmlText(text, 'Message') ?? '').slice(0, 200),
  };
}

/** The text of the first element of that name; null when there is none. Enough for the flat answers of S3. */
export function xmlText(xml: string, name: string): string | null {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return found === undefined
    ? null
    : found
        .replaceAll('&quot;', '"')
        .replaceAll('&lt;', '<')
        .replaceAll('&gt;', '>')
        .replaceAll('&amp;', '&');
}
