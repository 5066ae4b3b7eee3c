/** Wires what intake tells people: what the ledger says, reminders, to whom each goes, and the sending. */
import { openChannels } from '@airlock/notify/open-channels';
import { createNotificationQueue } from '@airlock/notify/queue';
import { sendDue } from '@airlock/notify/send-due';
import type { NotifySettings } from '@airlock/notify/settings';
import { startLoop, type Loop } from '@airlock/process/loop';
import type { Runtime } from '@airlock/process/main';
import { createApprovalStore } from './adapters/postgres/approval-store.ts';
import type { GateDatabase } from './adapters/postgres/client.ts';
import { createLedgerReader } from './adapters/postgres/ledger-store.ts';
import { newsOutbox } from './adapters/postgres/news-outbox.ts';
import { createNewsChoices, createNewsCursor } from './adapters/postgres/news-store.ts';
import { createPromotionStore } from './adapters/postgres/promotion-store.ts';
import { createRemarkStore } from './adapters/postgres/remark-store.ts';
import { addressNews } from './app/address-news.ts';
import type { GateFiles } from './app/configuration-ports.ts';
import { remindDeciders } from './app/remind-deciders.ts';
import { tellLedger } from './app/tell-ledger.ts';
import { notificationUndelivered, notificationsSent } from './events.ts';

const tellIntervalMs = 1_000;
const remindIntervalMs = 10_000;

/**
 * @returns the loops, already running; none where nothing is configured.
 * @throws ConfigurationError when a file of a channel cannot be read.
 */
export function keepNews(
  settings: NotifySettings | null,
  given: {
    readonly database: GateDatabase;
    readonly files: () => Promise<GateFiles>;
    readonly gate: string;
    readonly runtime: Pick<Runtime, 'log' | 'signal'>;
    readonly clock: () => Date;
  },
): readonly Loop[] {
  if (settings === null) return [];
  const { database, files, gate, runtime, clock } = given;
  const { log, signal } = runtime;
  const channels = openChannels(settings);
  const queue = createNotificationQueue(database.pool);
  const shared = {
    ...{ queue, files, clock, news: newsOutbox, transactor: database },
    promotions: createPromotionStore(database),
    approvals: createApprovalStore(database),
  };
  const loop = (name: string, intervalMs: number, run: () => Promise<void>): Loop =>
    startLoop({ name, intervalMs, signal, log, run });
  const send = loop('send-notifications', tellIntervalMs, async () => {
    const sent = await sendDue({
      ...{ queue, channels, origin: gate, signal },
      onDead(undelivered) {
        notificationUndelivered(log, undelivered);
      },
    });
    if (sent > 0) notificationsSent(log, sent);
  });
  const address = loop('address-news', tellIntervalMs, async () => {
    const { always } = settings;
    const addressed = await addressNews({
      ...shared,
      choices: createNewsChoices(database),
      remarks: createRemarkStore(database),
      always,
    });
    if (addressed > 0) send.wake();
  });
  const ledger = createLedgerReader(database);
  const cursor = createNewsCursor(database);
  const tell = loop('tell-ledger', tellIntervalMs, async () => {
    const told = await tellLedger({ ...shared, ledger, cursor });
    if (told > 0) address.wake();
  });
  const remind = loop('remind-deciders', remindIntervalMs, () => remindDeciders(shared));
  return [send, address, tell, remind];
}
