import { becomeAdministrator } from './become-administrator.ts';
import { CliError } from './exit-codes.ts';
import { signInToDemo, type WebSession } from './web-session.ts';

const kept = new Map<string, WebSession>();

/**
 * A session of that person, as administrator where they may be: the one of an earlier call while it counts, since sign-ins of
 * one address are limited.
 */
export async function signedIn(origin: string, person: string): Promise<WebSession> {
  const key = `${person} ${origin}`;
  const earlier = kept.get(key);
  if (earlier !== undefined && (await counts(earlier))) return earlier;
  const session = await becomeAdministrator(
    await signInToDemo(origin, person),
    'a drill or a demo',
  );
  kept.set(key, session);
  return session;
}

async function counts(session: WebSession): Promise<boolean> {
  try {
    await becomeAdministrator(session, 'a drill or a demo');
    return true;
  } catch (error) {
    if (error instanceof CliError) return false;
    throw error;
  }
}
