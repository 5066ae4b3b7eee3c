/** What a runner asks of the caches of its job's steps; see `@airlock/common/wire/cache`. */
import { pipeline } from 'node:stream/promises';
import { cacheHeaders, type CacheWritten } from '@airlock/common/wire/cache';
import { Sha256Hex } from '@airlock/common/wire/scalars';
import { MachineError, type MachineCall, type MachineRoute } from '@airlock/process/machine-server';
import type { BuildCaches, CacheRefusal } from '../app/keep-caches.ts';
import { leaseLost, namedJob, queryLease } from './runner-api.ts';

/** @param caches null: nothing is kept between runs. */
export function cacheRoutes(caches: BuildCaches | null): MachineRoute[] {
  return [
    {
      method: 'GET',
      path: '/v1/jobs/:jobId/cache',
      async handle(call) {
        const key = digestIn(call, 'key');
        const proof = { ...namedJob(call), lease: queryLease(call) };
        const found = (await caches?.find(proof, key)) ?? null;
        if (found === null) return { status: 204 };
        if (typeof found === 'string') throw refusal(found);
        const { handle, size } = found;
        try {
          call.response.writeHead(200, {
            ...{ 'content-type': 'application/x-tar', 'content-length': size },
            'cache-control': 'no-store',
            [cacheHeaders.run]: found.run,
            [cacheHeaders.level]: found.level,
            [cacheHeaders.digest]: found.digest,
          });
          await pipeline(handle.createReadStream({ start: 0, autoClose: false }), call.response);
        } finally {
          await handle.close();
        }
        return 'streamed';
      },
    },
    {
      method: 'PUT',
      path: '/v1/jobs/:jobId/cache',
      async handle(call) {
        const [key, digest] = [digestIn(call, 'key'), digestIn(call, 'sha256')];
        const proof = { ...namedJob(call), lease: queryLease(call) };
        const kept =
          caches === null
            ? { why: 'no caches are kept here' }
            : await caches.keep(proof, { key, digest, source: call.request });
        if (typeof kept === 'string') throw refusal(kept);
        return { status: 200, json: { why: kept.why } satisfies CacheWritten };
      },
    },
  ];
}

function digestIn(call: MachineCall, name: string): string {
  const digest = Sha256Hex.safeParse(call.query.get(name));
  if (digest.success) return digest.data;
  throw new MachineError('request-malformed', `${name} is needed in the query: a SHA-256`);
}

function refusal(why: CacheRefusal): MachineError {
  if (why === 'lease-lost') return leaseLost();
  return new MachineError('artifact-not-asked-for', 'no step of this job keeps a cache');
}
