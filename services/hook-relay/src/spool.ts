/**
 * Deliveries on disk, one file each, from the moment they are answered until nonprod has them. A file has its name only
 * once its bytes are synced, so a crash leaves whole deliveries and rubbish that the next start removes.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AirlockError } from '@airlock/common/errors';
import { SpooledHook } from '@airlock/common/wire/hook-relay';

export class SpoolError extends AirlockError<'spool-full'> {}

export interface Spool {
  /** On disk when this returns. @throws SpoolError `spool-full` */
  add(hook: Omit<SpooledHook, 'id'>): Promise<void>;
  /** The oldest ones; of large ones fewer than asked for. */
  oldest(limit: number): Promise<SpooledHook[]>;
  remove(ids: readonly string[]): Promise<void>;
  /** Resolves when something is there, or after that many milliseconds. */
  wait(milliseconds: number): Promise<void>;
}

/** An answer to nonprod holds no more than this, plus one delivery. */
const maxAnswerBytes = 8 * 1024 * 1024;

export async function openSpool(options: {
  readonly directory: string;
  readonly maxBytes: number;
}): Promise<Spool> {
  const { directory, maxBytes } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const sizes = new Map<string, number>();
  let last = 0;
  for (const name of (await readdir(directory)).sort()) {
    const id = /^(\d{16})\.json$/.exec(name)?.[1];
    if (id === undefined) {
      if (name.endsWith('.part')) await rm(join(directory, name));
      continue;
    }
    sizes.set(id, (await stat(join(directory, name))).size);
    last = Math.max(last, Number(id));
  }
  let used = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  const waiting = new Set<() => void>();

  const fileOf = (id: string): string => join(directory, `${id}.json`);

  async function syncDirectory(): Promise<void> {
    const handle = await open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  return {
    async add(hook) {
      // By the clock too, so that a spool that was emptied gives no id again.
      last = Math.max(last + 1, Date.now() * 1000);
      const id = String(last).padStart(16, '0');
      const text = Buffer.from(JSON.stringify({ id, ...hook } satisfies SpooledHook));
      if (used + text.length > maxBytes) {
        throw new SpoolError(
          'spool-full',
          `${used} of ${maxBytes} bytes wait in ${directory}; nonprod does not fetch them`,
        );
      }
      used += text.length;
      const part = join(directory, `${id}.part`);
      try {
        const handle = await open(part, 'wx', 0o600);
        try {
          await handle.writeFile(text);
          await handle.sync();
        } finally {
          await handle.close();
        }
        await rename(part, fileOf(id));
        await syncDirectory();
      } catch (error) {
        used -= text.length;
        await rm(part, { force: true });
        throw error;
      }
      sizes.set(id, text.length);
      for (const wake of waiting) wake();
    },

    async oldest(limit) {
      const hooks: SpooledHook[] = [];
      let bytes = 0;
      for (const id of [...sizes.keys()].sort().slice(0, limit)) {
        if (bytes > maxAnswerBytes) break;
        const text = await readFile(fileOf(id), 'utf8');
        bytes += text.length;
        hooks.push(SpooledHook.parse(JSON.parse(text)));
      }
      return hooks;
    },

    async remove(ids) {
      for (const id of ids) {
        const size = sizes.get(id);
        if (size === undefined) continue;
        await rm(fileOf(id), { force: true });
        sizes.delete(id);
        used -= size;
      }
    },

    async wait(milliseconds) {
      if (sizes.size > 0) return;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          waiting.delete(done);
          resolve();
        };
        const timer = setTimeout(done, milliseconds);
        waiting.add(done);
      });
    },
  };
}
