/**
 * CloudEvents 1.0 in structured JSON, signed as Standard Webhooks 1.0 says: HMAC-SHA256 over id, time and the raw bytes, so
 * that a receiver can tell who sent it, that nothing was changed, and that it is not an old one sent again.
 */
import { createHmac } from 'node:crypto';
import { messageName, mostOfLine, mostOfTitle, type Notification } from './notification.ts';
import { oneLine } from './plain-text.ts';

/** A later event about the same thing has the same `subject` and another `type`. */
export function cloudEvent(notification: Notification): Buffer {
  const { id, thread, type, title, lines, link, occurredAt } = notification;
  return Buffer.from(
    JSON.stringify({
      specversion: '1.0',
      id: messageName(id),
      source: new URL(link).origin,
      type: `example.airlock.${type}`,
      subject: thread,
      time: occurredAt.toISOString(),
      datacontenttype: 'application/json',
      data: {
        title: oneLine(title, mostOfTitle),
        lines: lines.map((line) => oneLine(line, mostOfLine)),
        link,
      },
    }),
  );
}

/** @param now of this attempt: receivers refuse what is older than a few minutes. */
export function signedHeaders(
  id: string,
  body: Buffer,
  { secret, now }: { readonly secret: Buffer; readonly now: Date },
): Record<string, string> {
  const name = messageName(id);
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const signature = createHmac('sha256', secret)
    .update(`${name}.${timestamp}.`)
    .update(body)
    .digest('base64');
  return {
    'content-type': 'application/cloudevents+json; charset=utf-8',
    'webhook-id': name,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}
