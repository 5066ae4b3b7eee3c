import { failed, type Outcome } from './notification.ts';
import type { Channels } from './open-channels.ts';
import type { DueDispatch, NotificationQueue } from './queue.ts';

const batch = 20;

/** Told of each dispatch that will not be tried again although it was not sent. */
export interface Undelivered {
  readonly notification: string;
  readonly channel: string;
  readonly why: string;
}

/**
 * One pass over what is due. What was sent is written down afterwards: a crash in between sends it twice under one
 * Message-ID or `webhook-id`, by which receivers know it.
 *
 * @returns how many were sent.
 */
export async function sendDue(given: {
  readonly queue: Pick<NotificationQueue, 'due' | 'settle'>;
  readonly channels: Channels;
  /** Put before the path of each page. */
  readonly origin: string;
  readonly onDead: (undelivered: Undelivered) => void;
  readonly signal: AbortSignal;
}): Promise<number> {
  const { queue, channels, origin, onDead, signal } = given;
  const due = await queue.due(batch);
  const states = await Promise.all(
    due.map(async (dispatch) => {
      const outcome = await attempt(dispatch, channels, { origin, signal });
      const state = await queue.settle(dispatch, outcome);
      if (state === 'dead' && !outcome.sent) {
        const { notification, channel } = dispatch;
        onDead({ notification: notification.id, channel, why: outcome.why });
      }
      return state;
    }),
  );
  return states.filter((state) => state === 'sent').length;
}

async function attempt(
  { notification, channel, recipient }: DueDispatch,
  channels: Channels,
  { origin, signal }: { readonly origin: string; readonly signal: AbortSignal },
): Promise<Outcome> {
  const send = channels.get(channel);
  if (send === undefined) {
    return failed(`no channel ${channel} is configured; add it under notify, or change the rule`, {
      isFinal: true,
    });
  }
  // Put together, not resolved: a path such as //elsewhere stays a path of this service.
  const link = new URL(`${origin}${notification.path}`).href;
  return send({ ...notification, link }, recipient, signal);
}
