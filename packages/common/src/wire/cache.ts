/** What a step keeps between runs, on its way between runner and nonprod. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../encoding/canonical-json.ts';
import { Sha256Hex } from './scalars.ts';

/** The longest tar of one cache, in bytes. */
export const maxCacheBytes = 2 * 1024 ** 3;

/** Headers of the answer that holds a tar: which run wrote it, at which level of trust, and its SHA-256. */
export const cacheHeaders = {
  run: 'airlock-cache-run',
  level: 'airlock-cache-level',
  digest: 'airlock-cache-sha256',
} as const;

export const CacheOrigin = z.strictObject({
  run: z.coerce.number().int().positive(),
  level: z.coerce.number().int().min(0).max(3),
  digest: Sha256Hex,
});
export type CacheOrigin = z.infer<typeof CacheOrigin>;

/** `why`: one clause on what stood in the way; null when it was written. */
export const CacheWritten = z.strictObject({ why: z.string().max(500).nullable() });
export type CacheWritten = z.infer<typeof CacheWritten>;

/**
 * What an entry is found by: other content of a named file, another image or another path is another entry, so that none
 * has to be replaced. 64 lower-case hexadecimal digits.
 *
 * @param parts.files path and SHA-256 of each file that the key is made from, in the order of the pipeline file.
 */
export function cacheKeyOf(parts: {
  readonly image: string;
  readonly path: string;
  readonly key: string;
  readonly files: readonly (readonly [path: string, sha256: string])[];
}): string {
  const { image, path, key, files } = parts;
  const named = canonicalJson({ files: files.map((file) => [...file]), image, key, path });
  return createHash('sha256').update(named).digest('hex');
}
