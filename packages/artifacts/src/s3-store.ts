/**
 * Artifacts in an S3 bucket, each under its SHA-256. Everything passes through a local file without a name: it is hashed
 * before it is sent, and hashed again after it was received, and that very descriptor is handed on.
 */
import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  checkedDigest,
  refuseUnexpected,
  type ContentStore,
  type StoredBlob,
} from './content-store.ts';
import { bodyOf, createS3Client, readBody, xmlText } from './s3-client.ts';
import type { S3Settings } from './settings.ts';
import { ArtifactError, fullOr, spool } from './spool.ts';
import { positionalChunks, refuseOther } from './verified-read.ts';

/** What S3 takes in one request. Larger ones would come in parts, whose checksum is not the artifact's. */
const maxPutBytes = 5 * 1024 ** 3;
const maxListBytes = 4 * 1024 * 1024;
/** Two writers of one object at once: S3 asks the later one to come again. */
const conflictAttempts = 5;
const dayMs = 24 * 60 * 60 * 1000;

export function createS3Store(settings: S3Settings): ContentStore {
  const client = createS3Client(settings);

  /** @throws ArtifactError `artifact-missing`, `artifact-store-failed` */
  async function get(digest: string) {
    const response = await client.send({ method: 'GET', key: checkedDigest(digest) });
    if (response.statusCode === 404) {
      response.destroy();
      throw new ArtifactError('artifact-missing', `there is no ${digest} in the store`);
    }
    if (response.statusCode !== 200) return client.refuse(response, `GET ${digest}`);
    return response;
  }

  async function openVerified(digest: string): Promise<{ handle: FileHandle; size: number }> {
    const response = await get(digest);
    const { writer, reader } = await unnamedFile(settings.spoolDirectory);
    try {
      const received = await spool(bodyOf(response), writer, maxPutBytes);
      refuseOther(digest, received.digest, received.size);
      return { handle: reader, size: received.size };
    } catch (cause) {
      await reader.close();
      response.destroy();
      throw cause;
    } finally {
      await writer.close();
    }
  }

  async function has(digest: string): Promise<boolean> {
    const response = await client.send({ method: 'HEAD', key: checkedDigest(digest) });
    response.resume();
    if (response.statusCode === 200) return true;
    if (response.statusCode === 404) return false;
    return client.refuse(response, `HEAD ${digest}`);
  }

  /** @returns false when there is an object of that name already. */
  async function send(handle: FileHandle, digest: string, size: number): Promise<boolean> {
    for (let attempt = 1; ; attempt += 1) {
      const response = await client.send({
        method: 'PUT',
        key: digest,
        headers: {
          'content-length': String(size),
          // Signed, and checked by the server: other bytes than these are not stored.
          'x-amz-content-sha256': digest,
          'x-amz-checksum-sha256': Buffer.from(digest, 'hex').toString('base64'),
          'if-none-match': '*',
          ...retention(settings),
        },
        body: () => positionalChunks(handle),
      });
      if (response.statusCode === 200) {
        response.resume();
        return true;
      }
      if (response.statusCode === 412) {
        response.resume();
        return false;
      }
      if (response.statusCode !== 409 || attempt === conflictAttempts) {
        return client.refuse(response, `PUT ${digest}`);
      }
      response.resume();
    }
  }

  return {
    async put(source, { maxBytes, expected }) {
      if (expected !== undefined) checkedDigest(expected);
      const { writer, reader } = await unnamedFile(settings.spoolDirectory);
      try {
        const { digest, size } = await spool(source, writer, Math.min(maxBytes, maxPutBytes));
        refuseUnexpected(expected, digest, size);
        const isNew = !(await has(digest)) && (await send(reader, digest, size));
        if (!isNew) {
          // Somebody was first. Only the same content may have this name, which has to be seen and not assumed.
          const { handle } = await openVerified(digest);
          await handle.close();
        }
        return { digest, size };
      } finally {
        await Promise.all([writer.close(), reader.close()]);
      }
    },
    openVerified,
    has,
    async read(digest, maxBytes) {
      const response = await get(digest);
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of bodyOf(response)) {
        size += chunk.length;
        if (size > maxBytes) {
          response.destroy();
          throw new ArtifactError(
            'artifact-too-large',
            `${digest} has more than the allowed ${maxBytes} bytes`,
          );
        }
        chunks.push(chunk);
      }
      const content = Buffer.concat(chunks);
      refuseOther(digest, createHash('sha256').update(content).digest('hex'), size);
      return content;
    },
    async list() {
      const found: StoredBlob[] = [];
      for (let token: string | null = null; ;) {
        const response = await client.send({
          method: 'GET',
          key: '',
          query: { 'list-type': '2', ...(token === null ? {} : { 'continuation-token': token }) },
        });
        if (response.statusCode !== 200) return client.refuse(response, 'the list');
        const xml = (await readBody(response, maxListBytes)).toString('utf8');
        found.push(...blobsOf(xml));
        token = xmlText(xml, 'NextContinuationToken');
        if (xmlText(xml, 'IsTruncated') !== 'true' || token === null) return found;
      }
    },
    async remove(digest) {
      const response = await client.send({ method: 'DELETE', key: checkedDigest(digest) });
      if (![200, 204, 404].includes(response.statusCode ?? 0)) {
        return client.refuse(response, `DELETE ${digest}`);
      }
      response.resume();
    },
    setAside: () => Promise.resolve(null),
    space: () => Promise.resolve(null),
  };
}

/** A file with a writer and a reader and no name any more: nobody else finds it, and a crash leaves nothing. */
async function unnamedFile(directory: string): Promise<{ writer: FileHandle; reader: FileHandle }> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, randomUUID());
  const writer = await open(path, 'wx', 0o400).catch((cause: unknown) => {
    throw fullOr(cause, 0);
  });
  try {
    return { writer, reader: await open(path, 'r') };
  } catch (cause) {
    await writer.close();
    throw cause;
  } finally {
    await rm(path, { force: true });
  }
}

function retention({ objectLock }: S3Settings): Record<string, string> {
  if (objectLock === undefined) return {};
  const until = new Date(Date.now() + objectLock.days * dayMs);
  return {
    'x-amz-object-lock-mode': objectLock.mode,
    'x-amz-object-lock-retain-until-date': until.toISOString(),
  };
}

function blobsOf(xml: string): StoredBlob[] {
  return [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].flatMap(([, object = '']) => {
    const digest = xmlText(object, 'Key') ?? '';
    if (!/^[0-9a-f]{64}$/.test(digest)) return [];
    const size = Number(xmlText(object, 'Size') ?? Number.NaN);
    const storedAt = new Date(xmlText(object, 'LastModified') ?? Number.NaN);
    if (!Number.isSafeInteger(size) || Number.isNaN(storedAt.getTime())) {
      throw new ArtifactError('artifact-store-failed', `S3 lists ${digest} without size or date`);
    }
    return [{ digest, size, storedAt }];
  });
}
