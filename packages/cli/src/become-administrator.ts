import { z } from 'zod';
import type { WebSession } from './web-session.ts';

const Me = z.object({
  viewer: z.object({ mayTakeUp: z.array(z.string()).default([]) }),
});

/** The session, of an administrator from now and for an hour if it is of somebody who may be one; as it was if not. */
export async function becomeAdministrator(
  session: WebSession,
  reason: string,
): Promise<WebSession> {
  const { viewer } = Me.parse(await session.getJson('/api/v1/me'));
  if (viewer.mayTakeUp.length > 0) {
    await session.postJson('/api/v1/me/administrator', { reason, minutes: 60 });
  }
  return session;
}
