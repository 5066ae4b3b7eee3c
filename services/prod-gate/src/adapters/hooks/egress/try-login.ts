import type { TryLogin } from '../../../app/try-logins.ts';
import { createConnections } from './connections.ts';
import { logIn, reachPostgres, ServerRefusal } from './postgres-login.ts';

const tryWithinMs = 3_000;
/** `invalid_password`, and `invalid_authorization_specification`: no such role, or one that may not log in. */
const refusals: ReadonlySet<string | undefined> = new Set(['28P01', '28000']);

/** Logs in as an egress does for its hook, and leaves at once. */
export const tryLogin: TryLogin = async (place, login) => {
  const connections = createConnections();
  const late = setTimeout(() => {
    connections.destroyAll();
  }, tryWithinMs);
  try {
    const socket = await reachPostgres(connections, place);
    await logIn(socket, login, new Map([['database', place.name]]));
    return 'works';
  } catch (cause) {
    return cause instanceof ServerRefusal && refusals.has(cause.fields.get('C'))
      ? 'refused'
      : 'unknown';
  } finally {
    clearTimeout(late);
    connections.destroyAll();
  }
};
