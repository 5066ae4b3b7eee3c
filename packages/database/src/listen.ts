import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabasePool } from './pool.ts';

const againAfterMs = 1_000;

/**
 * Calls `onBell` for every notification on a channel of Postgres, also once whenever it begins to listen, because what was
 * said before went unheard. Holds one connection of the pool; a broken one is replaced after a second.
 *
 * A bell only: it can be lost, so whoever waits for it also looks by itself now and then.
 *
 * @param channel a plain lower-case name.
 * @returns settles when `signal` is aborted; never rejects.
 */
export async function listen(options: {
  pool: DatabasePool;
  channel: string;
  signal: AbortSignal;
  onBell: () => void;
}): Promise<void> {
  const { pool, channel, signal, onBell } = options;
  if (!/^[a-z_]+$/.test(channel)) throw new TypeError(`${channel} is no plain channel name`);
  while (!signal.aborted) {
    try {
      await listenOnce();
    } catch {
      // The pool's other users say that the database is gone; a bell that is silent needs no log of its own.
      await sleep(againAfterMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async function listenOnce(): Promise<void> {
    const client = await pool.connect();
    const over = new AbortController();
    try {
      const ended = new Promise<void>((resolve, reject) => {
        client.once('error', reject);
        client.once('end', () => {
          reject(new Error('the connection ended'));
        });
        if (signal.aborted) resolve();
        signal.addEventListener(
          'abort',
          () => {
            resolve();
          },
          { signal: over.signal },
        );
      });
      client.on('notification', onBell);
      // Waited for below; if the statement fails first, that is the error to tell.
      ended.catch(() => undefined);
      await client.query(`listen ${channel}`);
      onBell();
      await ended;
    } finally {
      over.abort();
      // Thrown away, not given back: the next user of it would go on listening.
      client.removeListener('notification', onBell);
      client.release(true);
    }
  }
}
