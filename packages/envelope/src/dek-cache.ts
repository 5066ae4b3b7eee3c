/** Unwrapped project DEKs, so that a keeper that is away for a moment does not stop every build. */
import { contextOf } from './context.ts';
import type { KekProvider } from './kek-provider.ts';

/** Longest that an unwrapped key stays in memory, in milliseconds. */
const keepMs = 300_000;
const most = 256;

export interface WrappedDek {
  readonly id: string;
  readonly project: string;
  readonly wrapped: string;
}

export type DekCache = {
  /**
   * Gives `work` the key, unwrapped now or at most five minutes ago. `work` is synchronous, so that the key cannot be
   * zeroed under it; it must not keep the buffer.
   *
   * @throws EnvelopeError of the keeper.
   */
  use<T>(dek: WrappedDek, work: (key: Buffer) => T): Promise<T>;
  /** Zeroes everything. */
  clear(): void;
};

export function createDekCache(kek: Pick<KekProvider, 'unwrap'>): DekCache {
  const keys = new Map<string, { readonly key: Buffer; readonly timer: NodeJS.Timeout }>();

  function forget(name: string): void {
    const entry = keys.get(name);
    if (entry === undefined) return;
    clearTimeout(entry.timer);
    entry.key.fill(0);
    keys.delete(name);
  }

  function keep(name: string, key: Buffer): void {
    forget(name);
    const [oldest] = keys.keys();
    if (keys.size >= most && oldest !== undefined) forget(oldest);
    const timer = setTimeout(() => {
      forget(name);
    }, keepMs);
    timer.unref();
    keys.set(name, { key, timer });
  }

  return {
    async use(dek, work) {
      const { project, id, wrapped } = dek;
      // By everything that was unwrapped: a row that was exchanged meanwhile must be tried anew, and fail.
      const name = JSON.stringify([project, id, wrapped]);
      const known = keys.get(name);
      if (known !== undefined) return work(known.key);
      const key = await kek.unwrap(wrapped, contextOf({ type: 'project-dek', project, dek: id }));
      keep(name, key);
      return work(key);
    },
    clear() {
      for (const name of [...keys.keys()]) forget(name);
    },
  };
}
