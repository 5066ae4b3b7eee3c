import { CliError } from './exit-codes.ts';
import { signInToDemo, type WebSession } from './web-session.ts';

const kept = new Map<string, WebSession>();

/** A session of that person: the one of an earlier call while it counts, since sign-ins of one address are limited. */
export async function signedIn(origin: string, person: string): Promise<WebSession> {
  const key = `${person} ${origin}`;
  const earlier = kept.get(key);
  if (earlier !== undefined && (await counts(earlier))) return earlier;
  const session = await signInToDemo(origin, person);
  kept.set(key, session);
  return session;
}

async function counts(session: WebSession): Promise<boolean> {
  try {
    await session.getJson('/api/v1/me');
    return true;
  } catch (error) {
    if (error instanceof CliError) return false;
    throw error;
  }
}
