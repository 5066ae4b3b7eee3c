/** Wires the caches of builds; the web process alone writes and reads them. */
import { createContentStore } from '@airlock/artifacts/content-store';
import { startLoop } from '@airlock/process/loop';
import type { Runtime } from '@airlock/process/main';
import { createCacheStore } from './adapters/postgres/cache-store.ts';
import type { Database } from './adapters/postgres/client.ts';
import { createBuildCaches, type BuildCaches } from './app/keep-caches.ts';
import type { CacheSettings } from './cache-config.ts';

const houseworkMs = 60_000;

export function keepCaches(options: {
  readonly settings: CacheSettings;
  readonly db: Database;
  readonly runtime: Runtime;
}): BuildCaches | null {
  const { settings, db, runtime } = options;
  if (settings === null) return null;
  const blobs = createContentStore(settings.directory);
  const caches = createBuildCaches({ entries: createCacheStore(db), blobs }, settings);
  const housework = startLoop({
    name: 'keep-caches',
    intervalMs: houseworkMs,
    signal: runtime.signal,
    log: runtime.log,
    async run() {
      const { entries, blobs: tars } = await caches.sweep(new Date());
      if (entries + tars > 0) runtime.log.info('cache.retired', { entries, tars });
    },
  });
  runtime.onClose(() => housework.done);
  return caches;
}
