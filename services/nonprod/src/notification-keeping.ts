/** Wires what the scheduler tells people of runs. */
import { openChannels } from '@airlock/notify/open-channels';
import { createNotificationQueue } from '@airlock/notify/queue';
import { sendDue } from '@airlock/notify/send-due';
import type { NotifySettings } from '@airlock/notify/settings';
import type { DatabasePool } from '@airlock/database/pool';
import { startLoop, type Loop } from '@airlock/process/loop';
import type { Runtime } from '@airlock/process/main';
import type { Database } from './adapters/postgres/client.ts';
import { createNotificationRules } from './adapters/postgres/notification-store.ts';
import { createRunNewsStore } from './adapters/postgres/run-news-store.ts';
import { createTellRuns } from './app/tell-runs.ts';

/**
 * @returns the loops, already running; none where nothing is configured.
 * @throws ConfigurationError when a file of a channel cannot be read.
 */
export function keepNotifications(
  settings: NotifySettings | null,
  given: {
    readonly db: Database;
    readonly pool: DatabasePool;
    readonly origin: string;
    readonly intervalMs: number;
    readonly runtime: Pick<Runtime, 'log' | 'signal'>;
  },
): readonly Loop[] {
  if (settings === null) return [];
  const { db, pool, origin, intervalMs, runtime } = given;
  const { log, signal } = runtime;
  const channels = openChannels(settings);
  const queue = createNotificationQueue(pool);
  const send = startLoop({
    ...{ name: 'send-notifications', intervalMs, signal, log },
    async run() {
      const sent = await sendDue({
        ...{ queue, channels, origin, signal },
        onDead({ notification, channel, why }) {
          log.error('notification.undelivered', { notification, channel, reason: why });
        },
      });
      if (sent > 0) log.info('notifications.sent', { sent });
    },
  });
  const tellRuns = createTellRuns(
    { runs: createRunNewsStore(db), rules: createNotificationRules(db), queue },
    settings,
  );
  const tell = startLoop({
    ...{ name: 'tell-runs', intervalMs, signal, log },
    async run() {
      if ((await tellRuns()) > 0) send.wake();
    },
  });
  return [send, tell];
}
