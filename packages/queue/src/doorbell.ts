/**
 * Bull on Redis as a doorbell: it carries an id and means "look now". Postgres is the truth and every listener also sweeps by
 * timer, so a ring that is lost, doubled or forged changes nothing but the delay.
 *
 * Bull 4 as a source of truth would lose jobs on a flush, run them twice after a stall, and never settle `add` while Redis is
 * away; used like this, none of it matters.
 */
import Bull from 'bull';
import { Redis, type RedisOptions } from 'ioredis';

export interface DoorbellLog {
  warn(event: string, fields?: Record<string, string>): void;
  info(event: string, fields?: Record<string, string>): void;
}

export interface Doorbell {
  /** Returns at once; a ring that Redis does not take within 500 ms is dropped. Never throws. */
  ring(id: string): void;
  /** Calls `handler` for each ring; its errors are logged and the ring is not repeated. Once per doorbell. */
  listen(handler: (id: string) => Promise<void>): void;
  close(): Promise<void>;
}

const ringWithinMs = 500;

/** @param options.redisUrl null: nobody rings and nobody hears, and timers do the work. */
export function createDoorbell(options: {
  readonly name: string;
  readonly redisUrl: string | null;
  readonly log: DoorbellLog;
}): Doorbell {
  const { name, redisUrl, log } = options;
  if (redisUrl === null) return { ring() {}, listen() {}, close: () => Promise.resolve() };

  let reachable = true;
  let closing = false;
  const note = (up: boolean): void => {
    if (up === reachable) return;
    reachable = up;
    if (up) log.info('doorbell.back', { 'doorbell.name': name });
    else log.warn('doorbell.away', { 'doorbell.name': name, message: 'Redis does not answer; timers do the work' });
  };
  const connections: Redis[] = [];
  const queue = new Bull(name, {
    createClient: () => {
      const client = connect(redisUrl);
      client.on('ready', () => {
        // Bull connects its blocking client once more while it closes.
        if (closing) client.disconnect();
        else note(true);
      });
      connections.push(client);
      return client;
    },
    defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
    settings: { maxStalledCount: 0 },
  });
  queue.on('error', () => {
    note(false);
  });
  return {
    ring(id) {
      const added = queue.add({ id }).then(
        () => {
          note(true);
        },
        () => {
          note(false);
        },
      );
      // Bull's add() stays pending for ever while Redis is away; nobody waits for it.
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(() => {
          note(false);
          resolve();
        }, ringWithinMs);
        timer.unref();
      });
      void Promise.race([added, late]).finally(() => {
        clearTimeout(timer);
      });
    },

    listen(handler) {
      void queue.process(async (job: Bull.Job<{ id?: unknown }>) => {
        const { id } = job.data;
        if (typeof id !== 'string') return;
        try {
          await handler(id);
        } catch (error) {
          log.warn('doorbell.handler-failed', {
            'doorbell.name': name,
            message: error instanceof Error ? error.message : String(error),
          });
        }
      });
    },

    async close() {
      closing = true;
      // With Redis away close() would wait for it; the connections are what has to end.
      await Promise.race([
        queue.close(true).catch(() => undefined),
        new Promise<void>((resolve) => setTimeout(resolve, ringWithinMs).unref()),
      ]);
      for (const client of connections) client.disconnect();
    },
  };
}

function connect(url: string): Redis {
  const settings: RedisOptions = {
    maxRetriesPerRequest: null,
    enableReadyCheck: false,
    retryStrategy: (attempt) => Math.min(attempt * 200, 2_000),
  };
  const client = new Redis(url, settings);
  // BRPOPLPUSH is deprecated since Redis 6.2, and the embedded server of the demo knows only its successor.
  client.brpoplpush = ((source: string, destination: string, timeout: number) =>
    client.call('BLMOVE', source, destination, 'RIGHT', 'LEFT', timeout)) as Redis['brpoplpush'];
  client.on('error', () => {});
  return client;
}
