import { mostLines, mostOfLine, mostOfTitle } from '@airlock/notify/notification';
import { oneLine } from '@airlock/notify/plain-text';
import type { NewsOutbox } from '../../app/notification-ports.ts';
import { clientOf } from './client.ts';

export const newsOutbox: NewsOutbox = {
  async tell(tx, { id, thread, type, title, lines, path, target, actor, at }) {
    // Postgres refuses a NUL; what is told must not end the change that it tells of.
    const kept = lines.slice(0, mostLines).map((line) => oneLine(line, mostOfLine));
    // No conflict target: that would need the right to read, which who tells has not.
    await clientOf(tx).$executeRaw`
      insert into notification (id, thread, type, title, lines, path, about, actor, occurred_at)
      values (${id}, ${thread}, ${type}, ${oneLine(title, mostOfTitle)}, ${kept}, ${path}, ${target}, ${actor}, ${at})
      on conflict do nothing`;
  },
};
