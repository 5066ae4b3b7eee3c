import { VerdictBanner } from '@airlock/web/views/verdict-banner';
import type { VaultSession } from '../../app/vault-session-ports.ts';
import { plain } from './words.ts';

/** A target that takes no delivery because something of an earlier one is not proven gone; nothing for any other session. */
export function HeldBanner({ session }: { readonly session: VaultSession }) {
  if (session.state !== 'REVOKE_PENDING') return null;
  const { id, deliveryId, target, lastError, attempts, deadline } = session;
  const since = session.createdAt.toISOString().slice(0, 19);
  const end = deadline.toISOString().slice(0, 19);
  const why = lastError === null ? '' : ` Last answer: ${plain(lastError)}.`;
  return (
    <VerdictBanner
      kind="system"
      title={`${target} takes no delivery.`}
      text={`What delivery ${deliveryId} held since ${since}Z (session ${id}) is not proven gone after ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}.${why} The watchdog goes on by itself; somebody of platform looks at gate-watchdog, at Vault and at the target's database. Its leases end by themselves at ${end}Z at the latest.`}
    />
  );
}
