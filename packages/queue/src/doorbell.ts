/**
 * Bull as a doorbell: a ring says "look at this id" to whoever listens, and nothing else. What there is to do stands
 * in Postgres, where timers find it too, so that a ring may be lost, doubled, late or forged without harm.
 *
 * This is the only file that knows Bull (in maintenance mode; its successor would change this file alone).
 */
import Bull from 'bull';
import { setTimeout as pause } from 'node:timers/promises';

export type Doorbell = {
  /**
   * Wakes one listener. Returns at once, never throws, and is given up after 500 ms without Redis. An id that is rung again
   * within 20 ms is rung once more, at their end: many who ring for the same wake a listener for all of them.
   *
   * @param id letters, digits and `_-.:/`, 256 at most, of which the first is none of `-.:/`; never a fact, never a secret. Any other is a mistake of the caller's
   *   and is not rung.
   */
  ring(id: string): void;
  /**
   * Calls `handler` for each ring, one at a time; of several listeners one hears it. What the handler throws is
   * logged and the ring is over. To be called once. Without Redis nothing is heard until Redis is back.
   */
  listen(handler: (id: string) => Promise<void>): void;
  /** Waits 2 s at most for the handler that runs. */
  close(): Promise<void>;
};

type DoorbellLog = {
  info(event: string, fields?: Record<string, string | number | Error>): void;
  warn(event: string, fields?: Record<string, string | number | Error>): void;
};

type RedisClient = Bull.Queue['client'];

const ringWithinMs = 500;
const closeWithinMs = 2_000;
const againAfterMs = 20;
/** Rings that nobody hears for a long time must not fill Redis. */
const maxWaiting = 1_000;
const idForm = /^\w[\w.:/-]{0,255}$/;

/**
 * @param options.name of the bell, the same for those who ring and those who listen; begins with the service's name.
 * @param options.redisUrl `redis://` or `rediss://`, Redis 6.2 or newer; null for a bell that does nothing.
 * @param options.log receives one `doorbell.silent` when Redis goes and one `doorbell.restored` when it is back.
 */
export function createDoorbell(options: {
  name: string;
  redisUrl: string | null;
  log: DoorbellLog;
}): Doorbell {
  const { name, redisUrl, log } = options;
  if (redisUrl === null) {
    return { ring: () => {}, listen: () => {}, close: () => Promise.resolve() };
  }
  const address = new URL(redisUrl);
  const queue = new Bull<{ id?: unknown }>(name, {
    redis: connection(address),
    defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
    settings: { maxStalledCount: 0, retryProcessDelay: 500 },
  });
  const waiting = new Set<string>();
  /** Rung within the last moment; true where they were rung again since. */
  const lately = new Map<string, boolean>();
  let ringing: Promise<void> | null = null;
  let running: Promise<void> = Promise.resolve();
  let silent = false;
  let closing = false;
  let isFull = false;

  queue.on('error', (error) => {
    if (silent || closing) return;
    silent = true;
    log.warn('doorbell.silent', {
      message:
        `redis.url: nothing to ring at ${address.host} for ${name}; work is found by timers meanwhile. ` +
        'Start Redis, or correct redis.url, or set redis: null',
      error,
    });
  });
  queue.client.on('ready', restored);

  function restored(): void {
    if (silent)
      log.info('doorbell.restored', { message: `${name} rings again at ${address.host}` });
    silent = false;
  }

  async function ringAll(): Promise<void> {
    const deadline = performance.now() + ringWithinMs;
    while (queue.client.status !== 'ready' && performance.now() < deadline && !closing)
      await pause(10);
    while (waiting.size > 0) {
      const ids = [...waiting];
      waiting.clear();
      // Commands without a connection would wait in memory for as long as Redis is away.
      if (queue.client.status !== 'ready')
        throw new Error(`not connected within ${ringWithinMs} ms`);
      if (isFull && (await within(ringWithinMs, queue.getWaitingCount())) > maxWaiting) return;
      // Counted beside the ring and not before it: whoever listens waits for this.
      const rung = queue.addBulk(ids.map((id) => ({ data: { id } })));
      const [count] = await within(ringWithinMs, Promise.all([queue.getWaitingCount(), rung]));
      isFull = count > maxWaiting;
      restored();
    }
  }

  function ring(id: string): void {
    if (closing || !idForm.test(id) || waiting.size >= maxWaiting) return;
    if (lately.has(id)) {
      lately.set(id, true);
      return;
    }
    lately.set(id, false);
    setTimeout(() => {
      const isRungAgain = lately.get(id) === true;
      lately.delete(id);
      if (isRungAgain) ring(id);
    }, againAfterMs).unref();
    waiting.add(id);
    ringing ??= ringAll()
      .catch((error: unknown) => {
        queue.emit('error', error);
      })
      .finally(() => {
        ringing = null;
      });
  }

  return {
    ring,
    listen(handler) {
      useBlmove(Reflect.get(queue, 'bclient'));
      // Bull names its connections and leaves the failure of that, when closed while connecting, to nobody.
      Reflect.set(queue, 'setWorkerName', () => Promise.resolve());
      const hear = async ({ data: { id } }: Bull.Job<{ id?: unknown }>): Promise<void> => {
        if (typeof id !== 'string' || !idForm.test(id)) return;
        running = handler(id).catch((cause: unknown) => {
          const error = cause instanceof Error ? cause : new Error(String(cause));
          log.warn('doorbell.handler-failed', { doorbell: name, id, error });
        });
        await running;
      };
      queue.process(1, hear).catch((error: unknown) => {
        queue.emit('error', error);
      });
    },
    async close() {
      if (closing) return;
      await ringing;
      closing = true;
      await settled(closeWithinMs, running);
      const closed = queue.close(true);
      // Bull would first wait half a second for the command that blocks, and for Redis itself when it is away.
      for (const client of clientsOf(queue)) client.disconnect();
      await settled(closeWithinMs, closed);
      for (const client of clientsOf(queue)) client.disconnect();
    },
  };
}

function connection(address: URL): Bull.QueueOptions['redis'] & object {
  return {
    host: address.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: address.port === '' ? 6379 : Number(address.port),
    db: Number(address.pathname.slice(1) || 0),
    ...(address.username === '' ? {} : { username: decodeURIComponent(address.username) }),
    ...(address.password === '' ? {} : { password: decodeURIComponent(address.password) }),
    ...(address.protocol === 'rediss:' ? { tls: { servername: address.hostname } } : {}),
    connectTimeout: 2_000,
    // Bull demands both for connections that block; a listener waits for Redis for as long as it takes.
    maxRetriesPerRequest: null,
    enableReadyCheck: false,
    retryStrategy: (times: number) => Math.min(50 * 2 ** times, 2_000),
  };
}

/** BLMOVE is what BRPOPLPUSH became in Redis 6.2; the server of demo and tests knows only the new name. */
function useBlmove(client: unknown): void {
  if (!isRedisClient(client)) throw new Error('Bull has no blocking connection');
  Object.assign(client, {
    brpoplpush: (from: string, to: string, seconds: number) =>
      client.call('BLMOVE', from, to, 'RIGHT', 'LEFT', seconds),
  });
}

/** Bull keeps its connections in a field that its types leave out. */
function clientsOf(queue: Bull.Queue): RedisClient[] {
  const clients: unknown = Reflect.get(queue, 'clients');
  return Array.isArray(clients) ? clients.filter(isRedisClient) : [];
}

function isRedisClient(value: unknown): value is RedisClient {
  return typeof value === 'object' && value !== null && 'call' in value && 'disconnect' in value;
}

/** Waits for `work` until it is done or the time is over; its failure is dealt with by whoever began it. */
async function settled(milliseconds: number, work: Promise<unknown>): Promise<void> {
  await Promise.allSettled([within(milliseconds, work)]);
}

/** @throws Error when `work` takes longer, which it may go on doing. */
async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = pause(milliseconds, undefined, { signal: over.signal }).then(() => {
    throw new Error(`no answer within ${milliseconds} ms`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    over.abort();
  }
}
