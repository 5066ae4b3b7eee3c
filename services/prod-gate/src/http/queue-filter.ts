/** What page, command line and API ask of the queue: `?target=prod-eu&q=words`. */
import { HttpError } from '@airlock/web/problem';
import { z } from 'zod';
import type { QueueFilter } from '../app/narrow-queue.ts';

const Asked = z.strictObject({
  target: z.string().trim().max(64).default(''),
  q: z.string().trim().max(200).default(''),
});

/** @throws HttpError `request-malformed` for another field, a field twice or one that is too long: it would narrow nothing unnoticed. */
export function queueFilterOf(query: unknown): QueueFilter {
  const asked = Asked.safeParse(query);
  if (!asked.success) {
    throw new HttpError(
      'request-malformed',
      'The queue takes target (a name, at most 64 characters) and q (words, at most 200 characters), each once, and nothing else. The whole queue: /queue',
    );
  }
  return { target: asked.data.target, words: asked.data.q };
}
