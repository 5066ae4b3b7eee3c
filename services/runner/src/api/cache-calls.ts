/** A runner's calls for the caches of its job's steps. */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { cacheHeaders, CacheOrigin, CacheWritten, maxCacheBytes } from '@airlock/common/wire/cache';
import { ControlPlaneError, readText, refusal, unreachable } from './answers.ts';
import { jobPath, type Call, type Held } from './call.ts';

export type CacheCalls = {
  /** The tar that is found by a key, written to a new file and checked; null: there is none. */
  cache(
    held: Held,
    wanted: { key: string; to: string },
    signal: AbortSignal,
  ): Promise<CacheOrigin | null>;
  keepCache(
    held: Held,
    entry: { key: string; path: string; digest: string; size: number },
    signal: AbortSignal,
  ): Promise<CacheWritten>;
};

/** @param http makes the calls; `call` gives the answer's JSON, and throws what is refused. */
export function createCacheCalls(
  http: {
    open(call: Call): Promise<IncomingMessage>;
    call(call: Call): Promise<unknown>;
  },
  url: string,
): CacheCalls {
  return {
    async cache(held, { key, to }, signal) {
      const query = new URLSearchParams({ lease: String(held.lease), key });
      const path = jobPath(held, `cache?${query.toString()}`);
      const answer = await http.open({ method: 'GET', path, signal });
      const status = answer.statusCode ?? 0;
      if (status !== 200) {
        const text = await readText(answer, url);
        if (status === 204) return null;
        throw refusal(status, text);
      }
      const { headers } = answer;
      const origin = CacheOrigin.safeParse({
        run: headers[cacheHeaders.run],
        level: headers[cacheHeaders.level],
        digest: headers[cacheHeaders.digest],
      });
      const found = await receive(answer, to, url);
      if (origin.success && origin.data.digest === found) return origin.data;
      throw new ControlPlaneError(
        'control-plane-refused',
        'what was sent as a cache is not what was announced',
      );
    },
    async keepCache(held, { key, path, digest, size }, signal) {
      const query = new URLSearchParams({ lease: String(held.lease), key, sha256: digest });
      const written = CacheWritten.safeParse(
        await http.call({
          method: 'PUT',
          path: jobPath(held, `cache?${query.toString()}`),
          body: { stream: createReadStream(path), size },
          signal,
        }),
      );
      if (written.success) return written.data;
      throw new ControlPlaneError('control-plane-refused', 'the answer to a cache is malformed');
    },
  };
}

/** Into a new file, hashed on the way. @throws ControlPlaneError also for more than a cache may have. */
async function receive(answer: IncomingMessage, to: string, url: string): Promise<string> {
  const hash = createHash('sha256');
  let size = 0;
  try {
    await pipeline(
      answer,
      async function* (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          size += chunk.length;
          if (size > maxCacheBytes) throw new Error(`more than ${maxCacheBytes} bytes`);
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(to, { flags: 'wx', mode: 0o600 }),
    );
  } catch (cause) {
    throw unreachable(url, cause);
  }
  return hash.digest('hex');
}
