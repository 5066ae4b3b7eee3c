/** What became of runs is told to whom the rule of their repository names. */
import type { NotificationQueue } from '@airlock/notify/queue';
import { newsOfRun, runOfNews } from '../domain/run-news.ts';
import type { NotificationRules, RunNewsStore } from './notification-ports.ts';

const batch = 50;

export function createTellRuns(
  ports: {
    readonly runs: RunNewsStore;
    readonly rules: Pick<NotificationRules, 'of'>;
    readonly queue: Pick<NotificationQueue, 'tell' | 'unaddressed' | 'address'>;
  },
  settings: { readonly always: readonly string[] },
): () => Promise<number> {
  const { runs, rules, queue } = ports;
  return async () => {
    for (const run of await runs.untold(batch)) await queue.tell(newsOfRun(run));
    const waiting = await queue.unaddressed(batch);
    for (const { id, about } of waiting) {
      const rule = about === null ? null : await rules.of(about);
      const channels = new Set([...settings.always, ...(rule?.channels ?? [])]);
      const readers = rule === null ? [] : await runs.readers(runOfNews(id), rule);
      await queue.address(id, [
        ...[...channels].map((channel) => ({ channel, recipient: '', person: null })),
        ...readers.map(({ person, address }) => ({ channel: 'mail', recipient: address, person })),
      ]);
    }
    return waiting.length;
  };
}
